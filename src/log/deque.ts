/**
 * A queue open at both ends, whose front costs the same however long it is (`Array.shift` does not). What is taken
 * is let go of at once: held until the front is cut off, it would outlive the young generation, and with it all that
 * it refers to.
 */

/** Below this many taken items the front is not worth moving. */
const COMPACT_FROM = 64;

export class Deque<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Counted from the front; negative from the back. */
  at(position: number): Item | undefined {
    if (position < 0) return this.length + position < 0 ? undefined : this.#items.at(position);
    return this.#items[this.#head + position];
  }

  /** Puts another item in the place of one that is there, counted from the front. */
  set(position: number, item: Item): void {
    this.#items[this.#head + position] = item;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  pop(): Item | undefined {
    return this.length === 0 ? undefined : this.#items.pop();
  }

  shift(): Item | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    this.#compact();
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }

  /** Cuts off the places of what was taken, once they are the larger half. */
  #compact(): void {
    if (this.#head < COMPACT_FROM || this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
