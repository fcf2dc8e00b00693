/**
 * A place in bytes that LevelDB wrote, moving forward. Its numbers are varints: seven bits a byte, lowest
 * first, the top bit says that more follow.
 *
 * Beyond the end there are only zeros, so that reading bytes that are not what was written always ends;
 * whether the end was passed is for the reader to ask.
 */
export class Cursor {
  readonly #bytes: Buffer;
  #offset: number;

  constructor(bytes: Buffer, offset = 0) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get hasMore(): boolean {
    return this.#offset < this.#bytes.length;
  }

  /** Whether more was asked for than there is. */
  get isBeyond(): boolean {
    return this.#offset > this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#offset] ?? 0;
    this.#offset += 1;
    return byte;
  }

  number(): number {
    let value = 0;
    let unit = 1;
    for (let more = true; more; unit *= 128) {
      const byte = this.byte();
      value += (byte % 128) * unit;
      more = byte >= 128;
    }
    return value;
  }

  /** So many bytes, fewer where the end comes first. */
  take(length: number): Buffer {
    const from = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(from, this.#offset);
  }

  /** Passes over bytes whose length stands before them. @returns the length */
  skip(): number {
    return this.take(this.number()).length;
  }

  finish(): void {
    this.#offset = this.#bytes.length;
  }
}
