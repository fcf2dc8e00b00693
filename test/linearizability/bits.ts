/** A set of small whole numbers, one bit each. */
const WORD = 32;

export class Bits {
  readonly #words: Uint32Array;

  /** Empty; for numbers below `size`. */
  constructor(size: number) {
    this.#words = new Uint32Array(Math.ceil(size / WORD));
  }

  static copyOf(other: Bits): Bits {
    const copy = new Bits(other.#words.length * WORD);
    copy.#words.set(other.#words);
    return copy;
  }

  add(number: number): void {
    const word = number >>> 5;
    this.#words[word] = (this.#words[word] ?? 0) | (1 << (number & 31));
  }

  delete(number: number): void {
    const word = number >>> 5;
    this.#words[word] = (this.#words[word] ?? 0) & ~(1 << (number & 31));
  }

  has(number: number): boolean {
    return (((this.#words[number >>> 5] ?? 0) >>> (number & 31)) & 1) === 1;
  }

  isWithin(other: Bits): boolean {
    return this.#words.every((word, at) => (word & ~(other.#words[at] ?? 0)) === 0);
  }

  /**
   * The set as text, when all below `first` are in it and none above `last`: of a long history only the
   * few words differ in which something is still under way.
   */
  textBetween(first: number, last: number): string {
    const from = Math.min(first, last + 1) >>> 5;
    return `${from}:${this.#words.subarray(from, (last >> 5) + 1).join(',')}`;
  }
}
