/**
 * What waits to leave on one connection. Frames of one turn of the event loop leave in one write; when
 * the socket takes no more, they wait here.
 *
 * ```
 *   offer ─▶ [ queue ≤ 16 MiB ] ── end of the turn, or drained ──▶ socket (≤ 1 MiB at a time)
 * ```
 *
 * At the bound the newest is dropped, not the oldest: what waits is then still a run without gaps that the
 * peer can use from its beginning, while dropping the oldest would spoil everything behind it. Protocols
 * repeat what they miss.
 */
import type { Writable } from 'node:stream';
import { Deque } from '../../log/deque.ts';
import { bytesOf, type Frame, pack } from './frames.ts';

/** Bytes that may wait, in the socket's own buffer included; what is offered beyond it is dropped. */
export const QUEUE_BYTES_MAX = 16 * 1024 * 1024;
/** Room that only short frames of the connection itself may use: pings and refusals pass a full queue. */
const RESERVE_BYTES = 64 * 1024;
/** Handed to the socket in one go. */
const WRITE_BYTES_MAX = 1024 * 1024;

export class Outbox {
  readonly #stream: Writable;
  readonly #queue = new Deque<Frame>();
  #queuedBytes = 0;
  #turn: NodeJS.Immediate | undefined;
  #isStalled = false;
  #waiters: (() => void)[] = [];

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('drain', this.#drained);
  }

  /** Bytes that have not left. */
  get bytes(): number {
    return this.#queuedBytes + this.#stream.writableLength;
  }

  /** The socket has not taken what it was given before. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** @returns false where it was dropped */
  offer(frame: Frame): boolean {
    return this.#take(frame, QUEUE_BYTES_MAX);
  }

  /** For the short frames without which the connection itself would not be understood. */
  insist(frame: Frame): boolean {
    return this.#take(frame, QUEUE_BYTES_MAX + RESERVE_BYTES);
  }

  /** Resolves when the socket has taken what waits, or when the connection is over. */
  async room(): Promise<void> {
    if (this.bytes < WRITE_BYTES_MAX) return;
    await new Promise<void>((resolve) => {
      this.#waiters.push(resolve);
    });
  }

  /** Lets go of everything that waits. */
  close(): void {
    clearImmediate(this.#turn);
    this.#stream.off('drain', this.#drained);
    this.#queue.clear();
    this.#queuedBytes = 0;
    this.#release();
  }

  /** Writes what waits now, as far as the socket takes it: before a last frame. */
  flush(): void {
    clearImmediate(this.#turn);
    this.#turn = undefined;
    while (this.#queue.length > 0 && !this.#isStalled) this.#write();
  }

  #take(frame: Frame, limit: number): boolean {
    const bytes = bytesOf(frame);
    if (this.bytes + bytes > limit) return false;
    this.#queue.push(frame);
    this.#queuedBytes += bytes;
    // A turn is everything that was read and decided before the event loop goes round.
    if (!this.#isStalled) this.#turn ??= setImmediate(() => this.flush());
    return true;
  }

  #write(): void {
    const frames = this.#slice();
    this.#stream.cork();
    for (const bytes of pack(frames)) this.#stream.write(bytes);
    this.#stream.uncork();
    this.#isStalled = this.#stream.writableNeedDrain;
  }

  #slice(): readonly Frame[] {
    const frames: Frame[] = [];
    let bytes = 0;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      frames.push(next);
      bytes += bytesOf(next);
      if (bytes >= WRITE_BYTES_MAX) break;
    }
    this.#queuedBytes -= bytes;
    return frames;
  }

  readonly #drained = (): void => {
    this.#isStalled = false;
    this.flush();
    this.#release();
  };

  #release(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
