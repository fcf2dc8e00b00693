/**
 * Time that a test moves: nothing happens by itself. Due tasks run in the order of their deadlines, and
 * of two with one deadline the one that was set first.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, Milliseconds } from '../../src/log/time.ts';

interface Task {
  readonly due: Milliseconds;
  readonly run: () => void;
}

/** Turns of the event loop after each task: what it began goes as far as it can without a disk. */
const TURNS = 8;

export async function turns(count = TURNS): Promise<void> {
  for (let taken = 0; taken < count; taken++) await turn();
}

export class VirtualClock implements Clock {
  #wall: Milliseconds;
  #monotonic: Milliseconds = 0;
  #tasks: Task[] = [];

  constructor(wall: Milliseconds = 1_700_000_000_000) {
    this.#wall = wall;
  }

  /** How many tasks wait. */
  get waiting(): number {
    return this.#tasks.length;
  }

  /** How long until the next task is due; undefined when none waits. */
  get nextIn(): Milliseconds | undefined {
    const [next] = this.#tasks;
    return next === undefined ? undefined : next.due - this.#monotonic;
  }

  now(): Milliseconds {
    return this.#wall;
  }

  monotonic(): Milliseconds {
    return this.#monotonic;
  }

  after(delay: Milliseconds, run: () => void): () => void {
    const task = { due: this.#monotonic + delay, run };
    this.#tasks.push(task);
    // Sorting is stable: of equals, the one that was set first stays first.
    this.#tasks.sort((one, other) => one.due - other.due);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== task);
    };
  }

  /** Lets time go by, and everything happen that is due meanwhile. */
  async advance(milliseconds: Milliseconds): Promise<void> {
    const end = this.#monotonic + milliseconds;
    for (let task = this.#dueBy(end); task !== undefined; task = this.#dueBy(end)) {
      this.#moveTo(task.due);
      task.run();
      await turns();
    }
    this.#moveTo(end);
    await turns();
  }

  /** Sets the wall clock forward or back, as an operator or a time server does. */
  jump(milliseconds: Milliseconds): void {
    this.#wall += milliseconds;
  }

  #dueBy(end: Milliseconds): Task | undefined {
    const [next] = this.#tasks;
    if (next === undefined || next.due > end) return undefined;
    return this.#tasks.shift();
  }

  #moveTo(monotonic: Milliseconds): void {
    this.#wall += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }
}
