/** A clock whose timers go off when the test says that time passes; it tells the time all the same. */
import { realClock } from '../../src/real-clock.ts';

export class Timers {
  #now = 0;
  readonly #tasks = new Set<{ readonly at: number; readonly task: () => void }>();

  readonly clock = {
    now: () => realClock.now(),
    monotonic: () => this.#now,
    after: (delay: number, task: () => void) => {
      const entry = { at: this.#now + delay, task };
      this.#tasks.add(entry);
      return () => this.#tasks.delete(entry);
    },
  };

  pass(milliseconds: number): void {
    this.#now += milliseconds;
    for (const entry of this.#tasks) {
      if (entry.at > this.#now) continue;
      this.#tasks.delete(entry);
      entry.task();
    }
  }
}
