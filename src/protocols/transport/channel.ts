/**
 * A channel: frames both ways on a connection whose ends know each other. It hears when the other end
 * falls silent, tells how it ended, once, and leaves what the frames mean to who uses it.
 *
 * ```
 *   0 ping      answered by 1
 *   1 pong
 *   2 bye       why, as text: the last frame of who closes on purpose
 *   3 …         belongs to the user: `conversation.ts`, `transfer.ts`
 * ```
 *
 * Silence is counted in beats, not in milliseconds: after this process itself was stopped for a while,
 * one beat has passed, and what waits in its sockets is read before anybody is called silent.
 */
import type { Duplex } from 'node:stream';
import { FRAME_BYTES_MAX, FrameFault, type FrameReader, type Frame, frameOf } from './frames.ts';
import type { Met } from './meeting.ts';
import { Outbox } from './outbox.ts';
import type { Milliseconds } from '../../log/time.ts';

/** How often everything that is open is looked at. */
export const BEAT_MS: Milliseconds = 500;
/** Beats without a byte after which a sign of life is asked for, at every beat. */
const PING_BEATS = 2;
/** Beats without a byte after which the other end counts as gone: 5 s. */
export const SILENT_BEATS = 10;

const KIND = { ping: 0, pong: 1, bye: 2 } as const;
/** The first kind that belongs to the user of a channel. */
export const USER_KIND = 3;

/** Why a channel is over. */
export type Ending =
  /** The same two nodes have another connection, which goes on. */
  { readonly kind: 'replaced' } | { readonly kind: 'lost'; readonly reason: string };

const REPLACED_REASON = 'replaced';

export interface ChannelUser {
  /** May throw FrameFault: the connection ends. The body lies in what was read: copy what is kept for long. */
  frame(kind: number, body: Buffer): void;
  /** Once, at the end, and never inside of a call of `open`. */
  over(ending: Ending): void;
}

export class Channel {
  readonly #stream: Duplex;
  readonly #reader: FrameReader;
  readonly #user: ChannelUser;
  readonly #farewell: (stream: Duplex, frame: Frame) => void;
  readonly outbox: Outbox;
  #quietBeats = 0;
  #state: 'new' | 'open' | 'over' = 'new';

  constructor(met: Met, user: ChannelUser, farewell: (stream: Duplex, frame: Frame) => void) {
    this.#stream = met.stream;
    this.#reader = met.reader;
    this.#reader.limit = FRAME_BYTES_MAX;
    this.#user = user;
    this.#farewell = farewell;
    this.outbox = new Outbox(met.stream);
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** Begins to read. */
  open(): void {
    if (this.#state !== 'new') return;
    this.#state = 'open';
    const stream = this.#stream;
    stream.on('data', this.#data);
    stream.on('end', this.#ended);
    stream.on('error', this.#failed);
    stream.on('close', this.#ended);
    // What came right behind the handshake, or an end that came before anybody listened.
    setImmediate(() => this.#begin());
  }

  /** Once per BEAT_MS. */
  beat(): void {
    if (!this.#isListening) return;
    this.#quietBeats += 1;
    if (this.#quietBeats > SILENT_BEATS) return this.cut(`silent for ${SILENT_BEATS * BEAT_MS} ms`);
    if (this.#quietBeats > PING_BEATS) this.ping();
  }

  /** Asks for a sign of life now. */
  ping(): void {
    this.outbox.insist(frameOf(KIND.ping));
  }

  get #isListening(): boolean {
    return this.#state === 'open' && !this.isPaused;
  }

  get isPaused(): boolean {
    return this.#stream.isPaused();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#quietBeats = 0;
    if (this.#state === 'open') this.#stream.resume();
  }

  /** Ends it here and now. */
  cut(reason: string): void {
    if (!this.#leave()) return;
    this.#stream.destroy();
    this.#user.over({ kind: 'lost', reason });
  }

  /** Sends what waits, as far as it is taken, then `last`, and closes. `over` is not called. */
  finish(last: Frame): void {
    this.outbox.flush();
    if (this.#leave()) this.#farewell(this.#stream, last);
  }

  /** Finishes with a reason that the other end's `over` will hear. */
  bye(reason: string): void {
    this.finish(frameOf(KIND.bye, Buffer.from(reason)));
  }

  /** Finishes because another connection goes on in its place. */
  replaced(): void {
    this.bye(REPLACED_REASON);
  }

  #begin(): void {
    if (this.#state !== 'open') return;
    if (this.#stream.destroyed) return this.#ended();
    this.#stream.resume();
    this.#frames();
  }

  readonly #data = (bytes: Buffer): void => {
    this.#quietBeats = 0;
    this.#reader.push(bytes);
    this.#frames();
  };

  readonly #ended = (): void => this.cut('the connection was closed');

  readonly #failed = (error: Error): void => this.cut(error.message);

  #frames(): void {
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) this.#frame(next);
    } catch (error) {
      if (!(error instanceof FrameFault)) throw error;
      this.cut(error.message);
    }
  }

  #next(): Buffer | undefined {
    return this.#state === 'open' ? this.#reader.next() : undefined;
  }

  #frame(payload: Buffer): void {
    const kind = payload.readUInt8(0);
    if (kind >= USER_KIND) return this.#user.frame(kind, payload.subarray(1));
    if (kind === KIND.ping) this.outbox.insist(frameOf(KIND.pong));
    if (kind === KIND.bye) this.#bye(payload.toString('utf8', 1));
  }

  #bye(reason: string): void {
    if (!this.#leave()) return;
    this.#stream.destroy();
    this.#user.over(
      reason === REPLACED_REASON
        ? { kind: 'replaced' }
        : { kind: 'lost', reason: `the peer says: ${reason}` },
    );
  }

  /** @returns whether it was not over before */
  #leave(): boolean {
    if (this.#state === 'over') return false;
    this.#state = 'over';
    this.outbox.close();
    const stream = this.#stream;
    stream.off('data', this.#data);
    stream.off('end', this.#ended);
    stream.off('error', this.#failed);
    stream.off('close', this.#ended);
    return true;
  }
}
