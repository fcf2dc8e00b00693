/** The receiving end of a transfer; see `transfer.ts`. */
import type { Duplex } from 'node:stream';
import { Deque } from '../../log/deque.ts';
import { Channel, type Ending } from './channel.ts';
import { type Frame, FrameFault, frameOf } from './frames.ts';
import type { Met } from './meeting.ts';
import { LinkLost, type PeerIdentity } from './network.ts';
import { TRANSFER_KIND as KIND } from './transfer.ts';

/** Bytes read ahead of the consumer; beyond it the socket is not read, and TCP holds the sender back. */
const AHEAD_BYTES_MAX = 1024 * 1024;

export interface IncomingOptions {
  readonly farewell: (stream: Duplex, frame: Frame) => void;
  readonly receive: (
    from: PeerIdentity,
    header: Buffer,
    chunks: AsyncIterable<Buffer>,
  ) => Promise<Uint8Array>;
  readonly onError: (error: unknown) => void;
  /** At least once: its place is free again. */
  readonly over: () => void;
}

type Progress =
  | { readonly kind: 'header' }
  | { readonly kind: 'chunks' }
  | { readonly kind: 'complete' }
  | { readonly kind: 'broken'; readonly reason: string };

const EXPECTED: { readonly [P in Progress['kind']]: readonly number[] } = {
  header: [KIND.header],
  chunks: [KIND.chunk, KIND.end],
  complete: [],
  broken: [],
};

export class IncomingTransfer {
  readonly #options: IncomingOptions;
  readonly #channel: Channel;
  readonly #from: PeerIdentity;
  readonly #ahead = new Deque<Buffer>();
  #aheadBytes = 0;
  #progress: Progress = { kind: 'header' };
  #wake: () => void = () => undefined;

  constructor(met: Met, options: IncomingOptions) {
    this.#options = options;
    this.#from = met.peer.identity;
    const user = {
      frame: (kind: number, body: Buffer) => this.#frame(kind, body),
      over: (ending: Ending) => this.#broken(ending),
    };
    this.#channel = new Channel(met, user, options.farewell);
    this.#channel.open();
  }

  beat(): void {
    // The sender waits for the verdict, however long the consumer thinks: it is told that someone is here.
    if (!this.#channel.isOver) this.#channel.ping();
    this.#channel.beat();
  }

  close(reason: string): void {
    this.#channel.cut(reason);
  }

  #frame(kind: number, body: Buffer): void {
    if (kind === KIND.abandoned) return this.#channel.cut(`abandoned: ${body.toString()}`);
    if (!EXPECTED[this.#progress.kind].includes(kind))
      throw new FrameFault(`a frame of kind ${kind} out of its place in a transfer`);
    if (kind === KIND.header) this.#begin(body);
    else this.#next(kind, body);
  }

  #begin(header: Buffer): void {
    this.#progress = { kind: 'chunks' };
    this.#options.receive(this.#from, header, this.#chunks()).then(
      (verdict) => this.#finish(frameOf(KIND.verdict, verdict)),
      (error: unknown) => this.#failed(error),
    );
  }

  #next(kind: number, body: Buffer): void {
    if (kind === KIND.end) this.#progress = { kind: 'complete' };
    else this.#keep(body);
    this.#wake();
  }

  #keep(body: Buffer): void {
    this.#ahead.push(body);
    this.#aheadBytes += body.length;
    if (this.#aheadBytes > AHEAD_BYTES_MAX) this.#channel.pause();
  }

  async *#chunks(): AsyncGenerator<Buffer, void> {
    for (;;) {
      const chunk = this.#ahead.shift();
      if (chunk !== undefined) yield this.#taken(chunk);
      else if (this.#progress.kind === 'complete') return;
      else await this.#more();
    }
  }

  #taken(chunk: Buffer): Buffer {
    this.#aheadBytes -= chunk.length;
    if (this.#channel.isPaused && this.#aheadBytes <= AHEAD_BYTES_MAX / 2) this.#channel.resume();
    return chunk;
  }

  /** @throws LinkLost where nothing more will come */
  async #more(): Promise<void> {
    if (this.#progress.kind === 'broken')
      throw new LinkLost(`the transfer broke off: ${this.#progress.reason}`);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  #failed(error: unknown): void {
    // What broke off is told by the sender's side too; anything else is a fault of the receiver.
    if (!(error instanceof LinkLost)) this.#options.onError(error);
    this.#finish(frameOf(KIND.failed, Buffer.from('receiving failed')));
  }

  #finish(last: Frame): void {
    this.#channel.finish(last);
    this.#ahead.clear();
    this.#options.over();
  }

  #broken(ending: Ending): void {
    const reason = ending.kind === 'lost' ? ending.reason : ending.kind;
    if (this.#progress.kind !== 'complete') this.#progress = { kind: 'broken', reason };
    this.#wake();
    this.#options.over();
  }
}
