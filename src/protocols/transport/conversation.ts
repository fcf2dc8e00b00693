/**
 * What two nodes say to each other on a channel: messages that nobody answers, and questions.
 *
 * ```
 *   3 message   [bytes]
 *   4 question  [4: id][bytes]
 *   5 answer    [4: id][bytes]
 *   6 refusal   [4: id][why, as text]      too many questions at once, or answering failed
 *   7 cluster   [cluster id]               learned after the handshake
 * ```
 */
import type { Duplex } from 'node:stream';
import type { Clock, Milliseconds } from '../../log/time.ts';
import { differentCluster } from './admission.ts';
import { Asks } from './asks.ts';
import { Channel, type Ending, USER_KIND } from './channel.ts';
import { assertFits, type Frame, FrameFault, frameOf, frameWithId } from './frames.ts';
import type { Met } from './meeting.ts';
import type { PeerIdentity } from './network.ts';

const KIND = {
  message: USER_KIND,
  question: USER_KIND + 1,
  answer: USER_KIND + 2,
  refusal: USER_KIND + 3,
  cluster: USER_KIND + 4,
} as const;

/** Questions of one peer that are being answered at once; the next is refused at once. */
const ANSWERING_MAX = 16_384;
const ID_BYTES = 4;

export interface ConversationOptions {
  readonly clock: Clock;
  readonly own: () => PeerIdentity;
  readonly farewell: (stream: Duplex, frame: Frame) => void;
  readonly onError: (error: unknown) => void;
  readonly message: (from: PeerIdentity, message: Buffer) => void;
  readonly question: (from: PeerIdentity, question: Buffer) => Promise<Uint8Array>;
  readonly over: (ending: Ending) => void;
}

export class Conversation {
  readonly #options: ConversationOptions;
  readonly #channel: Channel;
  readonly #asks: Asks;
  readonly #rules: ReadonlyMap<number, (body: Buffer) => void>;
  #peer: PeerIdentity;
  /** What the other end knows of this one. */
  #told: string | undefined;
  #answering = 0;
  #dropped = 0;

  constructor(met: Met, options: ConversationOptions) {
    this.#options = options;
    this.#peer = met.peer.identity;
    this.#told = met.told;
    this.#asks = new Asks(options.clock);
    const user = {
      frame: (kind: number, body: Buffer) => this.#frame(kind, body),
      over: (ending: Ending) => this.#over(ending),
    };
    this.#channel = new Channel(met, user, options.farewell);
    this.#rules = new Map([
      [KIND.message, (body) => options.message(this.#peer, body)],
      [KIND.question, (body) => this.#question(idOf(body), body.subarray(ID_BYTES))],
      [KIND.answer, (body) => this.#asks.answered(idOf(body), body.subarray(ID_BYTES))],
      [KIND.refusal, (body) => this.#asks.refused(idOf(body), body.toString('utf8', ID_BYTES))],
      [KIND.cluster, (body) => this.#learn(body.toString())],
    ]);
  }

  get peer(): PeerIdentity {
    return this.#peer;
  }

  get queuedBytes(): number {
    return this.#channel.outbox.bytes;
  }

  /** Messages that the queue had no room for. */
  get dropped(): number {
    return this.#dropped;
  }

  open(): void {
    this.#channel.open();
  }

  beat(): void {
    this.#tellCluster();
    this.#channel.beat();
  }

  /** Asks for a sign of life now. */
  ping(): void {
    this.#channel.ping();
  }

  /** The bytes must not change any more. @throws RangeError where they are too many for a frame */
  send(message: Uint8Array): void {
    assertFits(message);
    if (!this.#channel.outbox.offer(frameOf(KIND.message, message))) this.#dropped += 1;
  }

  flush(): void {
    this.#channel.outbox.flush();
  }

  /** @throws AskTimeout, LinkLost, PeerRefused; RangeError where it is too long for a frame */
  async ask(question: Uint8Array, within: Milliseconds): Promise<Buffer> {
    assertFits(question);
    const { outbox } = this.#channel;
    return await this.#asks.ask(within, (id) =>
      outbox.offer(frameWithId(KIND.question, id, question)),
    );
  }

  /** Ends it with a reason the other end will hear. */
  close(reason: string): void {
    this.#channel.bye(reason);
    this.#asks.lost(reason);
  }

  /** Ends it because another connection between the two goes on. */
  replaced(): void {
    this.#channel.replaced();
    this.#asks.lost('another connection took its place');
  }

  #frame(kind: number, body: Buffer): void {
    const rule = this.#rules.get(kind);
    if (rule === undefined) throw new FrameFault(`a frame of unknown kind ${kind}`);
    rule(body);
  }

  #question(id: number, question: Buffer): void {
    if (this.#answering >= ANSWERING_MAX)
      return this.#refuse(id, `${ANSWERING_MAX} questions of this node are being answered already`);
    this.#answering += 1;
    this.#options
      .question(this.#peer, question)
      .then((answer) => this.#answer(id, answer))
      .catch((error: unknown) => this.#failed(id, error))
      .finally(() => {
        this.#answering -= 1;
      })
      .catch(this.#options.onError);
  }

  /** An answer that the queue has no room for is refused in its place: nobody waits for nothing. */
  #answer(id: number, answer: Uint8Array): void {
    assertFits(answer);
    if (this.#channel.isOver) return;
    if (!this.#channel.outbox.offer(frameWithId(KIND.answer, id, answer)))
      this.#refuse(id, 'the queue of answers is full');
  }

  #failed(id: number, error: unknown): void {
    this.#refuse(id, 'answering failed');
    this.#options.onError(error);
  }

  #refuse(id: number, reason: string): void {
    if (this.#channel.isOver) return;
    this.#channel.outbox.insist(frameWithId(KIND.refusal, id, Buffer.from(reason)));
  }

  #tellCluster(): void {
    const { clusterId } = this.#options.own();
    if (clusterId === this.#told || clusterId === undefined) return;
    this.#told = clusterId;
    this.#channel.outbox.insist(frameOf(KIND.cluster, Buffer.from(clusterId)));
  }

  #learn(clusterId: string): void {
    const peer = { ...this.#peer, clusterId };
    const refusal = differentCluster(this.#options.own(), peer);
    if (refusal !== undefined) throw new FrameFault(`${refusal.code}: ${refusal.detail}`);
    this.#peer = peer;
  }

  #over(ending: Ending): void {
    const reason = ending.kind === 'lost' ? ending.reason : 'another connection took its place';
    // Who asked hears of it before anything else is begun in its place.
    this.#asks.lost(reason);
    this.#options.over(ending);
  }
}

function idOf(body: Buffer): number {
  if (body.length < ID_BYTES) throw new FrameFault('a question or answer without its number');
  return body.readUInt32BE(0);
}
