/** Messages with entries that one follower has not answered yet, oldest first: their number and bytes. */
export class Flight {
  #lasts: number[] = [];
  #sizes: number[] = [];
  #bytes = 0;

  get messages(): number {
    return this.#lasts.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(last: number, bytes: number): void {
    this.#lasts.push(last);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  /** The follower has everything up to here. */
  landed(match: number): void {
    while (this.#oldest() <= match) {
      this.#lasts.shift();
      this.#bytes -= this.#sizes.shift() ?? 0;
    }
  }

  clear(): void {
    this.#lasts = [];
    this.#sizes = [];
    this.#bytes = 0;
  }

  #oldest(): number {
    return this.#lasts[0] ?? Number.POSITIVE_INFINITY;
  }
}
