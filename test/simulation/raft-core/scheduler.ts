/**
 * Virtual time. Tasks run in the order of their times; those of one moment in the order in which they
 * were asked for, never in one the engine chooses. An hour passes as fast as its tasks run.
 */
export interface Task {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class Scheduler {
  /** Milliseconds since the world began, with fractions. */
  now = 0;
  readonly #heap: Task[] = [];
  #order = 0;

  after(delay: number, run: () => void): void {
    this.#order += 1;
    this.#push({ at: this.now + delay, order: this.#order, run });
  }

  at(time: number, run: () => void): void {
    this.after(Math.max(0, time - this.now), run);
  }

  /** Runs the next task. @returns false when nothing is left, or nothing before `end` */
  step(end: number): boolean {
    const next = this.#heap[0];
    if (next === undefined || next.at > end) return false;
    this.#pop();
    this.now = next.at;
    next.run();
    return true;
  }

  #push(task: Task): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(task);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above]!;
      if (!before(task, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = task;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= length) break;
      if (below + 1 < length && before(heap[below + 1]!, heap[below]!)) below += 1;
      const child = heap[below]!;
      if (!before(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

function before(one: Task, other: Task): boolean {
  return one.at === other.at ? one.order < other.order : one.at < other.at;
}
