/** The sending end of a transfer; see `transfer.ts`. */
import type { Duplex } from 'node:stream';
import { Channel, type Ending } from './channel.ts';
import { assertFits, type Frame, FrameFault, frameOf } from './frames.ts';
import type { Met } from './meeting.ts';
import { LinkLost, PeerRefused } from './network.ts';
import { PIECE_BYTES_MAX, TRANSFER_KIND as KIND } from './transfer.ts';

export class OutgoingTransfer {
  /** What the receiver says. Rejects with LinkLost, PeerRefused, or what the source threw */
  readonly verdict: Promise<Buffer>;
  readonly #channel: Channel;
  #resolve: (verdict: Buffer) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #isOver = false;

  constructor(met: Met, farewell: (stream: Duplex, frame: Frame) => void) {
    this.verdict = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const user = {
      frame: (kind: number, body: Buffer) => this.#frame(kind, body),
      over: (ending: Ending) => this.#lost(ending),
    };
    this.#channel = new Channel(met, user, farewell);
    this.#channel.open();
  }

  beat(): void {
    this.#channel.beat();
  }

  close(reason: string): void {
    this.#channel.cut(reason);
  }

  /** Sends everything. Ends early, without an error, when the receiver has said enough. */
  async send(header: Uint8Array, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      assertFits(header);
      await this.#put(KIND.header, header);
      await this.#pour(chunks);
    } catch (error) {
      this.#abandon(error);
    }
  }

  async #pour(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) {
      for (const piece of piecesOf(chunk)) await this.#put(KIND.chunk, piece);
      if (this.#isOver) return;
    }
    await this.#put(KIND.end, Buffer.alloc(0));
  }

  async #put(kind: number, body: Uint8Array): Promise<void> {
    if (this.#isOver) return;
    this.#channel.outbox.offer(frameOf(kind, body));
    await this.#channel.outbox.room();
  }

  #frame(kind: number, body: Buffer): void {
    if (kind === KIND.verdict) this.#resolve(Buffer.from(body));
    else if (kind === KIND.failed) this.#reject(new PeerRefused(body.toString()));
    else throw new FrameFault(`a frame of kind ${kind} from the receiver of a transfer`);
    this.#isOver = true;
    this.#channel.cut('the verdict is there');
  }

  #lost(ending: Ending): void {
    const reason = ending.kind === 'lost' ? ending.reason : ending.kind;
    this.#reject(new LinkLost(`the transfer broke off: ${reason}`));
    this.#isOver = true;
  }

  /** The source failed: the receiver is told, and does not take what it has for the whole. */
  #abandon(error: unknown): void {
    this.#reject(error instanceof Error ? error : new Error(String(error)));
    this.#isOver = true;
    this.#channel.finish(frameOf(KIND.abandoned, Buffer.from('the source failed')));
  }
}

function* piecesOf(chunk: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < chunk.length; at += PIECE_BYTES_MAX)
    yield chunk.subarray(at, at + PIECE_BYTES_MAX);
}
