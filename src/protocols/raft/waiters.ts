/**
 * Who waits, by numbers that only grow. Numbers are mostly settled in the order in which they were given, so a queue
 * is enough:
 *
 * ```
 *   first                next
 *   │ waits  settled  waits │
 * ```
 *
 * Not a Map: one that is filled and emptied thousands of times a second is rebuilt every few milliseconds, and each
 * that was given up refers to its successor. Once one of them is in the old generation, all who come after it follow,
 * with whoever waited in them.
 *
 * Bounded by what its user lets wait, and by what comes while the oldest still waits.
 */
import { Deque } from '../../log/deque.ts';

export class Waiters<Waiter> {
  readonly #waiting = new Deque<Waiter | undefined>();
  #first = 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns its number: above zero, above all before it */
  add(waiter: Waiter): number {
    this.#waiting.push(waiter);
    this.#size += 1;
    return this.#first + this.#waiting.length - 1;
  }

  /** Whoever waits under a number, once; undefined: nobody, or not any more. */
  take(number: number): Waiter | undefined {
    if (number < this.#first) return undefined;
    const place = number - this.#first;
    const waiter = this.#waiting.at(place);
    if (waiter === undefined) return undefined;
    this.#waiting.set(place, undefined);
    this.#size -= 1;
    this.#forgetSettled();
    return waiter;
  }

  /** Everybody who waits, in the order of their numbers; nobody waits then. */
  takeAll(): Waiter[] {
    const all: Waiter[] = [];
    while (this.#waiting.length > 0) {
      const waiter = this.#waiting.shift();
      this.#first += 1;
      if (waiter !== undefined) all.push(waiter);
    }
    this.#size = 0;
    return all;
  }

  #forgetSettled(): void {
    while (this.#waiting.length > 0 && this.#waiting.at(0) === undefined) {
      this.#waiting.shift();
      this.#first += 1;
    }
  }
}
