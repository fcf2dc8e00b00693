/** A queue open at both ends, whose front costs the same however long it is (`Array.shift` does not). */

/** Below this many taken items the front is not worth moving. */
const COMPACT_FROM = 64;

export class Deque<Item> {
  #items: Item[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Counted from the front; negative from the back. */
  at(position: number): Item | undefined {
    if (position < 0) return this.length + position < 0 ? undefined : this.#items.at(position);
    return this.#items[this.#head + position];
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
    this.#head += 1;
    this.#compact();
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }

  /** Lets go of what was taken, once it is the larger half. */
  #compact(): void {
    if (this.#head < COMPACT_FROM || this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
