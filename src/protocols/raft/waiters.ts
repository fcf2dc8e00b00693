/**
 * Who waits, by numbers that only grow. Numbers are mostly settled in the order in which they were given, so a queue
 * is enough; whoever waits much longer than those after it is moved apart, so that the queue stays short.
 *
 * ```
 *   apart        the queue
 *   3  17      │ 901 waits   902 settled   903 waits │
 *              first
 * ```
 *
 * Not all in a Map: one that is filled and emptied thousands of times a second is rebuilt every few milliseconds, and
 * each that was given up refers to its successor. Once one of them is in the old generation, all who come after it
 * follow, with whoever waited in them.
 *
 * The queue has at most `2 · size + SPARE` places. Who may wait is its user's to say.
 */
import { Deque } from '../../log/deque.ts';

/** Settled places between those who wait; beyond, the older half of the queue is moved apart. */
const SPARE = 1024;

export class Waiters<Waiter> {
  readonly #queue = new Deque<Waiter | undefined>();
  readonly #apart = new Map<number, Waiter>();
  #first = 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Places taken up, settled ones among them: what this weighs. */
  get places(): number {
    return this.#queue.length + this.#apart.size;
  }

  /** @returns its number: above zero, above all before it */
  add(waiter: Waiter): number {
    this.#queue.push(waiter);
    this.#size += 1;
    const number = this.#first + this.#queue.length - 1;
    if (this.#queue.length > 2 * this.#size + SPARE) this.#moveApart();
    return number;
  }

  /** Whoever waits under a number, once; undefined: nobody, or not any more. */
  take(number: number): Waiter | undefined {
    const waiter = number < this.#first ? this.#fromApart(number) : this.#fromQueue(number);
    if (waiter !== undefined) this.#size -= 1;
    return waiter;
  }

  /** Everybody who waits, in the order of their numbers; nobody waits then. */
  takeAll(): Waiter[] {
    const all = [...this.#apart.values()];
    while (this.#queue.length > 0) {
      const waiter = this.#shift();
      if (waiter !== undefined) all.push(waiter);
    }
    this.#apart.clear();
    this.#size = 0;
    return all;
  }

  #fromApart(number: number): Waiter | undefined {
    const waiter = this.#apart.get(number);
    this.#apart.delete(number);
    return waiter;
  }

  #fromQueue(number: number): Waiter | undefined {
    const place = number - this.#first;
    const waiter = this.#queue.at(place);
    if (waiter !== undefined) this.#queue.set(place, undefined);
    while (this.#queue.length > 0 && this.#queue.at(0) === undefined) this.#shift();
    return waiter;
  }

  #moveApart(): void {
    for (let left = this.#queue.length / 2; left >= 1; left--) {
      const number = this.#first;
      const waiter = this.#shift();
      if (waiter !== undefined) this.#apart.set(number, waiter);
    }
  }

  #shift(): Waiter | undefined {
    this.#first += 1;
    return this.#queue.shift();
  }
}
