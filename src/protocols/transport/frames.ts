/**
 * Frames: how bytes between nodes are cut into messages.
 *
 * ```
 *  0        4      5                    4 + length
 *  ├────────┼──────┼────────────────────┤
 *  │ length │ kind │ body               │  the next frame …
 *  └────────┴──────┴────────────────────┘
 *           └──────── payload ──────────┘
 * ```
 *
 * `length` counts the payload, big-endian, 1 to 8 MiB. What the kinds are is said by those who talk:
 * `handshake.ts` first, then `channel.ts` and who uses it. A length outside the bounds ends the
 * connection: nothing after it can be trusted to begin where it should.
 */

/** The largest payload. A longer message is not sent; a peer that announces one is cut off. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;

const LENGTH_BYTES = 4;
const HEAD_BYTES = LENGTH_BYTES + 1;
const ID_BYTES = 4;
/** The longest body: whoever sends a longer one is at fault. */
export const BODY_BYTES_MAX = FRAME_BYTES_MAX - 1 - ID_BYTES;
/** Bodies up to here are copied into one buffer with their neighbours; longer ones go as they are. */
const COPIED_BYTES_MAX = 16 * 1024;

const NOTHING: Buffer = Buffer.alloc(0);

/** A frame to be sent: the head is ours, the body still belongs to whoever gave it. */
export interface Frame {
  readonly head: Buffer;
  readonly body: Uint8Array;
}

export function frameOf(kind: number, body: Uint8Array = NOTHING): Frame {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32BE(1 + body.length, 0);
  head[LENGTH_BYTES] = kind;
  return { head, body };
}

/** A frame whose body begins with the id of a question. */
export function frameWithId(kind: number, id: number, body: Uint8Array): Frame {
  const head = Buffer.allocUnsafe(HEAD_BYTES + ID_BYTES);
  head.writeUInt32BE(1 + ID_BYTES + body.length, 0);
  head[LENGTH_BYTES] = kind;
  head.writeUInt32BE(id, HEAD_BYTES);
  return { head, body };
}

/** @throws RangeError where the bytes are too many for a frame */
export function assertFits({ length }: Uint8Array): void {
  if (length > BODY_BYTES_MAX)
    throw new RangeError(`${length} bytes are more than a frame holds (${BODY_BYTES_MAX})`);
}

export function bytesOf({ head, body }: Frame): number {
  return head.length + body.length;
}

/** What one write carries: runs of short frames in one buffer each, long bodies by reference. */
export function pack(frames: readonly Frame[]): Uint8Array[] {
  const packed: Uint8Array[] = [];
  let run: Uint8Array[] = [];
  for (const { head, body } of frames) {
    run.push(head);
    if (body.length <= COPIED_BYTES_MAX) {
      run.push(body);
      continue;
    }
    packed.push(Buffer.concat(run), body);
    run = [];
  }
  if (run.length > 0) packed.push(Buffer.concat(run));
  return packed;
}

/** The bytes are not frames. */
export class FrameFault extends Error {}

interface Partial {
  readonly payload: Buffer;
  filled: number;
}

/**
 * Cuts a stream of bytes into payloads. A payload that lies whole in what was read is given out without a
 * copy; one that is spread over many reads is gathered in a buffer of its own size, however small the reads.
 */
export class FrameReader {
  /** May grow once it is known who speaks. */
  limit: number;
  #bytes = NOTHING;
  #at = 0;
  #partial: Partial | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  push(bytes: Buffer): void {
    const left = this.#bytes.subarray(this.#at);
    this.#bytes = left.length === 0 ? bytes : Buffer.concat([left, bytes]);
    this.#at = 0;
  }

  /** The next payload, or nothing until more bytes come. @throws FrameFault */
  next(): Buffer | undefined {
    if (this.#partial !== undefined) return this.#fill(this.#partial);
    if (this.#bytes.length - this.#at < LENGTH_BYTES) return undefined;
    return this.#payload(this.#length());
  }

  #length(): number {
    const length = this.#bytes.readUInt32BE(this.#at);
    if (length === 0 || length > this.limit)
      throw new FrameFault(`a frame of ${length} bytes; 1 to ${this.limit} are allowed here`);
    this.#at += LENGTH_BYTES;
    return length;
  }

  #payload(length: number): Buffer | undefined {
    const end = this.#at + length;
    if (end <= this.#bytes.length) return this.#take(length);
    this.#partial = { payload: Buffer.allocUnsafe(length), filled: 0 };
    return this.#fill(this.#partial);
  }

  #fill(partial: Partial): Buffer | undefined {
    const { payload } = partial;
    const piece = this.#take(payload.length - partial.filled);
    piece.copy(payload, partial.filled);
    partial.filled += piece.length;
    if (partial.filled < payload.length) return undefined;
    this.#partial = undefined;
    return payload;
  }

  #take(bytes: number): Buffer {
    const taken = this.#bytes.subarray(this.#at, this.#at + bytes);
    this.#at += taken.length;
    return taken;
  }
}
