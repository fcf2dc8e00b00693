/** A map from keys to bytes whose keys can be asked for in their order. */
export class SortedBytes {
  readonly #values: Map<string, Buffer>;
  readonly #keys: string[];

  constructor(values: ReadonlyMap<string, Buffer> = new Map()) {
    this.#values = new Map(values);
    this.#keys = [...values.keys()].sort();
  }

  get(key: string): Buffer | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: Buffer): void {
    if (!this.#values.has(key)) this.#keys.splice(this.#placeOf(key), 0, key);
    this.#values.set(key, value);
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#keys.splice(this.#placeOf(key), 1);
  }

  /** Both ends included. */
  within(from: string, to: string): readonly string[] {
    const begin = this.#placeOf(from);
    let end = begin;
    while (end < this.#keys.length && this.#keys[end]! <= to) end += 1;
    return this.#keys.slice(begin, end);
  }

  first(from: string, to: string): string | undefined {
    const key = this.#keys[this.#placeOf(from)];
    return key !== undefined && key <= to ? key : undefined;
  }

  last(from: string, to: string): string | undefined {
    const place = this.#placeOf(to);
    const key = this.#keys[place] === to ? to : this.#keys[place - 1];
    return key !== undefined && key >= from ? key : undefined;
  }

  /** Where the first key lies that is not before this one. */
  #placeOf(key: string): number {
    let [low, high] = [0, this.#keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
