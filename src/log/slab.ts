/**
 * Room for bytes that are kept for long, cut from slabs in which nothing else lies.
 *
 * ```
 *  slab, 64 KiB   [ block 17–21 │ block 22 │ block 23–40 │ free … ]
 * ```
 *
 * Node cuts small buffers from 8 KiB that everybody shares: whoever keeps a block of 700 bytes keeps the whole of it,
 * with messages that left long ago. What is cut from one slab here comes and goes together, so that what is kept
 * weighs what it says.
 */
const SLAB_BYTES = 64 * 1024;
/** What is larger has a buffer of its own: so much of a slab may be given up at its end. */
const SHARED_BYTES_MAX = SLAB_BYTES / 8;

export class Slab {
  #free: Buffer = Buffer.alloc(0);

  /** @returns so many bytes, with anything in them */
  take(bytes: number): Buffer {
    if (bytes > SHARED_BYTES_MAX) return Buffer.allocUnsafeSlow(bytes);
    if (bytes > this.#free.length) this.#free = Buffer.allocUnsafeSlow(SLAB_BYTES);
    const taken = this.#free.subarray(0, bytes);
    this.#free = this.#free.subarray(bytes);
    return taken;
  }
}
