/**
 * Where the groups of a node meet the network: messages and questions come in for a group and are
 * handed to whoever takes part in it here; what they say leaves for the peers.
 *
 * ```
 *  network ─▶ message ──┐                       ┌─▶ message  ─▶ network
 *             question ─┼▶ group's participant ─┤
 *             transfer ─┘                       └─▶ question, transfer
 *  link lost ─▶ every participant
 * ```
 *
 * Heartbeats and their answers, which are short and many, are gathered: those of one turn, of all groups, leave
 * in one message to each peer.
 */
import { packr } from '../../log/command.ts';
import type { GroupId } from '../../log/group.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { Network, NetworkEvents, PeerIdentity } from '../transport/network.ts';
import type { Message } from './core/messages.ts';
import { Fields } from './fields.ts';
import { Rhythm } from './rhythm.ts';
import { decodeMessages, encodeMessages, type GroupMessage } from './wire.ts';

/** What takes part in one group on this node. */
export interface Participant {
  receive(message: Message): void;
  /** @returns the answer, as MessagePack would have it */
  asked(from: PeerIdentity, topic: string, question: Fields): Promise<readonly unknown[]>;
  /** A snapshot of the group comes in. @returns the verdict */
  streamed(
    from: PeerIdentity,
    header: Fields,
    chunks: AsyncIterable<Buffer>,
  ): Promise<readonly unknown[]>;
  linkUp(nodeId: string): void;
  linkDown(nodeId: string): void;
}

/** Something asked of, or sent to, the participant of a group on another node. */
export interface GroupQuestion {
  readonly group: GroupId;
  readonly topic: string;
  /** Plain values, read by `Fields` at the other end. */
  readonly values: readonly unknown[];
}

/** A question about the node itself, not about one of its groups. */
export type NodeQuestion = (from: PeerIdentity, question: Fields) => Promise<readonly unknown[]>;

export interface ExchangeOptions {
  readonly nodeId: string;
  readonly clock: Clock;
  readonly breathe: () => Promise<void>;
  /** Of the rhythm of all groups. */
  readonly tick?: Milliseconds;
  readonly onNoise: (from: string, error: Error) => void;
}

export type NodeOrAddress = { readonly nodeId: string } | { readonly address: string };

/** How long a node may take to say something about itself. */
const NODE_MS: Milliseconds = 2_000;

/** Heartbeats in one message: those of more groups leave in several. */
const GATHERED_MAX = 1_000;

/** Answers begin with this where the group is not here, or the question is not understood. */
export const UNKNOWN_GROUP = 'unknown-group';
export const NOT_UNDERSTOOD = 'not-understood';

export class Exchange implements NetworkEvents {
  readonly #options: ExchangeOptions;
  /** When the groups of this node take, and are woken. */
  readonly rhythm: Rhythm;
  readonly #participants = new Map<string, Participant>();
  readonly #topics = new Map<string, NodeQuestion>();
  /** By peer: what leaves at the end of this turn. */
  #gathered = new Map<string, GroupMessage[]>();
  #network: Network | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.rhythm = new Rhythm({ ...options, onTurned: () => this.#leave() });
  }

  /** The network is made with this object as its listener, so it comes after it. */
  use(network: Network): void {
    this.#network = network;
  }

  get network(): Network {
    if (this.#network === undefined) throw new Error('the exchange has no network yet');
    return this.#network;
  }

  /** @returns the way to leave */
  join(group: GroupId, participant: Participant): () => void {
    const name = nameOf(group);
    this.#participants.set(name, participant);
    return () => {
      // Whoever took its place meanwhile stays.
      if (this.#participants.get(name) === participant) this.#participants.delete(name);
    };
  }

  /** Who takes part in a group here. */
  participant(group: GroupId): Participant | undefined {
    return this.#participants.get(nameOf(group));
  }

  /** Answers questions about the node itself: asked before there is any group. */
  answer(topic: string, answer: NodeQuestion): void {
    this.#topics.set(topic, answer);
  }

  /** Asks a node, or whoever is at an address, about itself. @throws LinkLost, AskTimeout, BadMessage */
  async askNode(to: NodeOrAddress, topic: string, values: readonly unknown[]): Promise<Fields> {
    const bytes = packr.pack([topic, ...values]);
    const answer =
      'address' in to
        ? this.network.askAddress(to.address, bytes, NODE_MS)
        : this.network.ask(to.nodeId, bytes, NODE_MS);
    return Fields.of(asBuffer(await answer));
  }

  send(group: GroupId, messages: readonly Message[]): void {
    for (const message of messages) {
      if (this.rhythm.isTurning && isBeat(message)) this.#gather({ group, message });
      else this.network.send(message.to, encodeMessages([{ group, message }]));
    }
  }

  /** Asks the node's participant in a group. @throws LinkLost, AskTimeout, BadMessage */
  async ask(to: string, question: GroupQuestion, within: Milliseconds): Promise<Fields> {
    const { group, topic, values } = question;
    const bytes = packr.pack([topic, group.id, group.incarnation, ...values]);
    return Fields.of(asBuffer(await this.network.ask(to, bytes, within)));
  }

  /** Sends what is long on a connection of its own. @returns the verdict. @throws LinkLost */
  async stream(
    to: string,
    { group, values }: Omit<GroupQuestion, 'topic'>,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<Fields> {
    const header = packr.pack([group.id, group.incarnation, ...values]);
    return Fields.of(asBuffer(await this.network.transfer(to, header, chunks)));
  }

  message(from: PeerIdentity, bytes: Buffer): void {
    try {
      const link = { from: from.nodeId, store: from.storeId, to: this.#options.nodeId };
      for (const { group, message } of decodeMessages(bytes, link))
        this.participant(group)?.receive(message);
    } catch (error) {
      this.#noise(from, error);
    }
  }

  async question(from: PeerIdentity, bytes: Buffer): Promise<Uint8Array> {
    try {
      return packr.pack(await this.#answer(from, Fields.of(bytes)));
    } catch (error) {
      this.#noise(from, error);
      return packr.pack([NOT_UNDERSTOOD]);
    }
  }

  async transfer(
    from: PeerIdentity,
    header: Buffer,
    chunks: AsyncIterable<Buffer>,
  ): Promise<Uint8Array> {
    try {
      const fields = Fields.of(header);
      const participant = this.#participantIn(fields);
      if (participant === undefined) return packr.pack([UNKNOWN_GROUP]);
      return packr.pack(await participant.streamed(from, fields, chunks));
    } catch (error) {
      this.#noise(from, error);
      return packr.pack([NOT_UNDERSTOOD]);
    }
  }

  up({ nodeId }: PeerIdentity): void {
    for (const participant of this.#participants.values()) participant.linkUp(nodeId);
  }

  down(nodeId: string): void {
    for (const participant of this.#participants.values()) participant.linkDown(nodeId);
  }

  #gather(beat: GroupMessage): void {
    const { to } = beat.message;
    const beats = this.#gathered.get(to);
    if (beats === undefined) this.#gathered.set(to, [beat]);
    else beats.push(beat);
  }

  #leave(): void {
    this.#sendGathered();
    this.#network?.flush();
  }

  #sendGathered(): void {
    const gathered = this.#gathered;
    if (gathered.size === 0) return;
    this.#gathered = new Map();
    for (const [to, beats] of gathered)
      for (let from = 0; from < beats.length; from += GATHERED_MAX)
        this.network.send(to, encodeMessages(beats.slice(from, from + GATHERED_MAX)));
  }

  #answer(from: PeerIdentity, question: Fields): Promise<readonly unknown[]> {
    const topic = question.text();
    const ofNode = this.#topics.get(topic);
    if (ofNode !== undefined) return ofNode(from, question);
    const participant = this.#participantIn(question);
    return participant === undefined
      ? Promise.resolve([UNKNOWN_GROUP])
      : participant.asked(from, topic, question);
  }

  #participantIn(fields: Fields): Participant | undefined {
    return this.participant({ id: fields.text(), incarnation: fields.whole() });
  }

  /** Whatever a peer sent, and whatever came of it, ends neither the link nor the node. */
  #noise(from: PeerIdentity, error: unknown): void {
    this.#options.onNoise(from.nodeId, error as Error);
  }
}

/** Says nothing but that somebody is there, and how far. */
function isBeat(message: Message): boolean {
  if (message.kind === 'append_entries') return message.entries.length === 0;
  return message.kind === 'append_entries_response';
}

function nameOf({ id, incarnation }: GroupId): string {
  return `${id}@${incarnation}`;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
