/**
 * The network of a node on TCP, TLS and websockets: one link per peer, questions to addresses, transfers.
 *
 * ```
 *   dialler ──┐  met (they know each other)    messages ─▶ link of that peer ─▶ events
 *             ├─────────────────────────────▶  transfer ─▶ a connection that carries one stream
 *   listener ─┘                                ask      ─▶ a connection that carries one question
 * ```
 *
 * What the bytes are: `frames.ts`, `handshake.ts`, then `channel.ts`, `conversation.ts`, `transfer.ts`.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { Approach } from './approach.ts';
import { BEAT_MS } from './channel.ts';
import { Complaints } from './complaints.ts';
import { Conversation, type ConversationOptions } from './conversation.ts';
import { type Call, Dialler, type TlsIdentity } from './dialler.ts';
import type { Refusal } from './handshake.ts';
import {
  type Hello,
  INSTANCE_BYTES,
  NONCE_BYTES,
  PROTOCOL_VERSION,
  PROTOCOL_VERSION_LEAST,
  type Purpose,
} from './hello.ts';
import { IncomingTransfer } from './incoming-transfer.ts';
import { Link } from './link.ts';
import { Listener } from './listener.ts';
import type { Met } from './meeting.ts';
import {
  AskTimeout,
  LinkLost,
  type LinkStatus,
  type Network,
  type NetworkEvents,
  NotSent,
  type Peer,
  type PeerIdentity,
  PeerRefused,
} from './network.ts';
import { OutgoingTransfer } from './outgoing-transfer.ts';
import { Sockets } from './sockets.ts';
import { TRANSFERS_MAX } from './transfer.ts';
import type { Websocket } from './websocket-stream.ts';

/** Peers with a link, or wanted; one more is refused with `busy`. */
const LINKS_MAX = 1_024;
/** Connections at once that carry one question each; one more is refused with `busy`. */
const ASKERS_MAX = 64;

export interface TcpNetworkOptions {
  readonly nodeId: string;
  readonly storeId: string;
  /** Undefined until the store has learned it. */
  readonly clusterId: () => string | undefined;
  /** Port 0: any that is free. */
  readonly listen: { readonly host: string; readonly port: number };
  /** What every node of the cluster knows. Without it, and without TLS, only this machine is talked to. */
  readonly secret: string | undefined;
  readonly tls?: TlsIdentity;
  /** Dials `ws://` addresses; without it they fail. */
  readonly websocket?: (url: string) => Websocket;
  readonly clock: Clock;
  /** In [0, 1): spreads what would otherwise happen everywhere at once. */
  readonly random: () => number;
  readonly events: NetworkEvents;
  /** Told clear lines about peers that cannot be reached or may not come, and faults of `events`. */
  readonly onError: (error: Error) => void;
}

/** What goes on until it is closed. */
interface Open {
  beat(): void;
  close(reason: string): void;
}

export class TcpNetwork implements Network {
  readonly #options: TcpNetworkOptions;
  readonly #instance = randomBytes(INSTANCE_BYTES);
  readonly #sockets: Sockets;
  readonly #dialler: Dialler;
  readonly #complaints: Complaints;
  readonly #conversation: Omit<ConversationOptions, 'over'>;
  readonly #links = new Map<string, Link>();
  readonly #incoming = new Set<IncomingTransfer>();
  readonly #outgoing = new Set<OutgoingTransfer>();
  /** Transfers that look for their receiver, and questions that look for their address. */
  readonly #approaches = new Set<Approach>();
  readonly #asked = new Set<Conversation>();
  readonly #askers = new Set<Conversation>();
  #listener: Listener | undefined;
  #cancelBeat: () => void = () => undefined;
  #isStopping = false;
  #stopped: Promise<void> | undefined;

  private constructor(options: TcpNetworkOptions) {
    const { clock, secret, tls, websocket, events, onError } = options;
    const sockets = new Sockets(clock);
    this.#options = options;
    this.#sockets = sockets;
    this.#complaints = new Complaints(clock, onError);
    const hello = (purpose: Purpose): Hello => this.#hello(purpose);
    this.#dialler = new Dialler({ sockets, clock, secret, tls, websocket, hello });
    this.#conversation = {
      clock,
      own: () => this.#identity(),
      farewell: sockets.farewell,
      onError: (error) => onError(asError(error)),
      message: (from, message) => events.message(from, message),
      question: async (from, question) => await events.question(from, question),
    };
  }

  /** @throws when the port cannot be had */
  static async start(options: TcpNetworkOptions): Promise<TcpNetwork> {
    assert(options.secret !== '', 'a secret that everybody knows is none');
    const network = new TcpNetwork(options);
    const { listen, clock, secret, tls } = options;
    network.#listener = await Listener.start({
      ...listen,
      sockets: network.#sockets,
      clock,
      secret,
      tls,
      hello: () => network.#hello('messages'),
      admits: (peer) => network.#tooMany(peer),
      met: (met) => network.#met(met),
      complain: (about, line) => network.#complaints.complain(about, line),
    });
    network.#beatSoon();
    return network;
  }

  get port(): number {
    return this.#listening().port;
  }

  /** Takes in a websocket that the HTTP server accepted at `/v1/peers`. */
  accept(websocket: Websocket, remoteAddress: string): void {
    if (this.#isStopping) websocket.terminate();
    else this.#listening().accept(websocket, remoteAddress);
  }

  connect(peers: readonly Peer[]): void {
    if (this.#isStopping) return;
    const others = peers.filter(({ nodeId }) => nodeId !== this.#options.nodeId);
    const wanted = new Map(others.map(({ nodeId, addresses }) => [nodeId, addresses]));
    for (const nodeId of wanted.keys()) this.#linkTo(nodeId);
    for (const [nodeId, link] of this.#links) link.want(wanted.get(nodeId));
  }

  send(to: string, message: Uint8Array): void {
    this.#links.get(to)?.send(message);
  }

  flush(): void {
    for (const link of this.#links.values()) link.flush();
  }

  async ask(to: string, question: Uint8Array, within: Milliseconds): Promise<Buffer> {
    const link = this.#links.get(to);
    if (link === undefined) throw new NotSent(`there is no link to node ${to}`);
    return await link.ask(question, within);
  }

  async askAddress(address: string, question: Uint8Array, within: Milliseconds): Promise<Buffer> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + within;
    const met = await this.#reach([address], { purpose: 'ask', expected: undefined }, within);
    const conversation = this.#converse(met, this.#asked);
    try {
      return await conversation.ask(question, Math.max(0, deadline - clock.monotonic()));
    } finally {
      this.#asked.delete(conversation);
      conversation.close('the question is over');
    }
  }

  async transfer(
    to: string,
    header: Uint8Array,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<Buffer> {
    if (this.#outgoing.size >= TRANSFERS_MAX)
      throw new PeerRefused(`${TRANSFERS_MAX} transfers are under way already`);
    const addresses = this.#addressesOf(to);
    const met = await this.#reach(addresses, { purpose: 'transfer', expected: to }, Infinity);
    const transfer = new OutgoingTransfer(met, this.#sockets.farewell);
    this.#outgoing.add(transfer);
    try {
      // Runs on behind the verdict where the source is slow to hear of it; never rejects.
      void transfer.send(header, chunks);
      return await transfer.verdict;
    } finally {
      this.#outgoing.delete(transfer);
    }
  }

  #addressesOf(to: string): readonly string[] {
    const addresses = this.#links.get(to)?.addresses ?? [];
    if (addresses.length > 0) return addresses;
    // Its own connection may be there; but a transfer is a second one, and the sender opens it.
    throw new LinkLost(
      `no address is known of node ${to}, which a transfer has to dial: name it in PEERS here, or say ADVERTISE_HOST there`,
    );
  }

  links(): readonly LinkStatus[] {
    return [...this.#links.values()].filter(({ isIdle }) => !isIdle).map((link) => link.status());
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const reason = 'this node stops';
    this.#isStopping = true;
    this.#cancelBeat();
    for (const approach of this.#approaches) approach.abort(new LinkLost(reason));
    for (const one of this.#open()) one.close(reason);
    await Promise.all([this.#listening().stop(), this.#sockets.stop()]);
  }

  #listening(): Listener {
    if (this.#listener === undefined) throw new Error('the network has not started');
    return this.#listener;
  }

  #identity(): PeerIdentity {
    const { nodeId, storeId, clusterId } = this.#options;
    return { nodeId, storeId, clusterId: clusterId() };
  }

  #hello(purpose: Purpose): Hello {
    return {
      version: PROTOCOL_VERSION,
      least: PROTOCOL_VERSION_LEAST,
      purpose,
      // Chance that protects is not injected: whoever can foresee it can answer in a node's name.
      nonce: randomBytes(NONCE_BYTES),
      instance: this.#instance,
      identity: this.#identity(),
    };
  }

  #beatSoon(): void {
    this.#cancelBeat = this.#options.clock.after(BEAT_MS, () => this.#beat());
  }

  #beat(): void {
    for (const one of this.#open()) one.beat();
    for (const [nodeId, link] of this.#links) if (link.isIdle) this.#links.delete(nodeId);
    this.#beatSoon();
  }

  #open(): readonly Open[] {
    const single = [...this.#incoming, ...this.#outgoing, ...this.#asked, ...this.#askers];
    return [...this.#links.values(), ...single];
  }

  #linkTo(nodeId: string): Link {
    const link = this.#links.get(nodeId) ?? this.#newLink(nodeId);
    this.#links.set(nodeId, link);
    return link;
  }

  #newLink(nodeId: string): Link {
    const { clock, random, events, nodeId: own } = this.#options;
    return new Link({
      own,
      peerId: nodeId,
      clock,
      random,
      approach: (addresses) =>
        this.#dialler.approach(addresses, { purpose: 'messages', expected: nodeId }),
      conversation: this.#conversation,
      up: (peer) => events.up(peer),
      down: (reason) => this.#down(nodeId, reason),
      complain: (line) => this.#complaints.complain(line, line),
    });
  }

  /** Who stops knows that its links go. */
  #down(nodeId: string, reason: string): void {
    if (!this.#isStopping) this.#options.events.down(nodeId, reason);
  }

  #tooMany({ purpose, identity }: Hello): Refusal | undefined {
    const room: { readonly [P in Purpose]: boolean } = {
      messages: this.#links.size < LINKS_MAX || this.#links.has(identity.nodeId),
      transfer: this.#incoming.size < TRANSFERS_MAX,
      ask: this.#askers.size < ASKERS_MAX,
    };
    if (room[purpose]) return undefined;
    return { code: 'busy', detail: `as many connections for ${purpose} as are allowed at once` };
  }

  #met(met: Met): void {
    const rules: { readonly [P in Purpose]: () => void } = {
      messages: () => this.#linkTo(met.peer.identity.nodeId).join(met),
      transfer: () => this.#receive(met),
      ask: () => this.#converse(met, this.#askers),
    };
    if (this.#isStopping) met.stream.destroy();
    else rules[met.peer.purpose]();
  }

  #receive(met: Met): void {
    const { events } = this.#options;
    const transfer: IncomingTransfer = new IncomingTransfer(met, {
      farewell: this.#sockets.farewell,
      receive: async (from, header, chunks) => await events.transfer(from, header, chunks),
      onError: this.#conversation.onError,
      over: () => this.#incoming.delete(transfer),
    });
    this.#incoming.add(transfer);
  }

  #converse(met: Met, among: Set<Conversation>): Conversation {
    const conversation: Conversation = new Conversation(met, {
      ...this.#conversation,
      over: () => among.delete(conversation),
    });
    among.add(conversation);
    conversation.open();
    return conversation;
  }

  /** @throws LinkLost, AskTimeout */
  async #reach(addresses: readonly string[], call: Call, within: Milliseconds): Promise<Met> {
    if (this.#isStopping) throw new LinkLost('this node stops');
    const approach = this.#dialler.approach(addresses, call);
    this.#approaches.add(approach);
    const late = new AskTimeout(`no answer within ${within} ms`);
    const cancel = this.#options.clock.after(within, () => approach.abort(late));
    try {
      return await approach.met;
    } catch (error) {
      throw error === late ? late : new LinkLost(asError(error).message);
    } finally {
      cancel();
      this.#approaches.delete(approach);
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
