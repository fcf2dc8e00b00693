/**
 * The event loop of a simulated world: one event after another in virtual time, and after each of them
 * everything that follows from it without waiting. What nodes do by promises runs to its end before the
 * next event begins, so their order is that of the events, and a seed always tells the same story.
 *
 * ```
 *  event ─▶ its promises, and theirs, until none is left ─▶ next event
 * ```
 *
 * A callback of `process.nextTick` that is asked for by a promise job runs when no promise job is left: that
 * is the pause between events. Nothing in a simulated world may wait for the real one: no socket, no file, no timer.
 */
import { Scheduler } from '../raft-core/scheduler.ts';

/** So many events, and the real event loop has its turn: for progress bars and interrupts. */
const EVENTS_AT_ONCE = 5_000;

export class EventLoop {
  readonly scheduler = new Scheduler();
  /** Events so far. */
  events = 0;

  get now(): number {
    return this.scheduler.now;
  }

  after(delay: number, run: () => void): void {
    this.scheduler.after(delay, run);
  }

  /** Runs until virtual time `end`, until nothing is left, or until `done`. */
  run(end: number, done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          if (done() || !this.scheduler.step(end)) return resolve();
          this.events += 1;
        } catch (error) {
          return reject(error);
        }
        if (this.events % EVENTS_AT_ONCE === 0) setImmediate(turn);
        else queueMicrotask(() => process.nextTick(turn));
        return undefined;
      };
      process.nextTick(turn);
    });
  }
}
