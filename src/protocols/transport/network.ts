/**
 * The port between a node and its peers. What travels is opaque here; who speaks is proved before
 * anything is said.
 *
 * ```
 *   send      one way, in order while the link lives; dropped when it is down or full (the protocol repeats)
 *   ask       a question and its answer; fails at once when the link drops
 *   transfer  a long stream on a connection of its own, so that it delays nobody
 * ```
 */
import type { Milliseconds } from '../../log/time.ts';

/** Who is at the other end, as the handshake proved. */
export interface PeerIdentity {
  readonly nodeId: string;
  readonly storeId: string;
  /** Undefined: an empty store that has not learned its cluster yet. */
  readonly clusterId: string | undefined;
}

export interface Peer {
  readonly nodeId: string;
  /** `host:port` or `ws://host:port`, best first. None: it is waited for, and has to dial. */
  readonly addresses: readonly string[];
}

export interface Network {
  /** Whom to keep a link to; links to others live only as long as the others keep them. */
  connect(peers: readonly Peer[]): void;
  send(to: string, message: Uint8Array): void;
  /** What was sent leaves now: the turn is over, and nothing more will share its way. */
  flush(): void;
  /** @throws NotSent at once when there is no link, LinkLost when it drops, AskTimeout after `within`, PeerRefused */
  ask(to: string, question: Uint8Array, within: Milliseconds): Promise<Uint8Array>;
  /** The same to an address whose node is not known yet: to join a cluster. */
  askAddress(address: string, question: Uint8Array, within: Milliseconds): Promise<Uint8Array>;
  /**
   * The receiver dialled anew: needs an address.
   * @returns the receiver's verdict. @throws LinkLost where the connection ended before it came, PeerRefused, or what `chunks` throws
   */
  transfer(to: string, header: Uint8Array, chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array>;
  links(): readonly LinkStatus[];
  /** Closes every socket and timer. Idempotent. */
  stop(): Promise<void>;
}

/** What a node does with what comes in. Must not throw. */
export interface NetworkEvents {
  message(from: PeerIdentity, message: Buffer): void;
  question(from: PeerIdentity, question: Buffer): Promise<Uint8Array>;
  transfer(from: PeerIdentity, header: Buffer, chunks: AsyncIterable<Buffer>): Promise<Uint8Array>;
  up(peer: PeerIdentity): void;
  /** The link is gone: reset, closed, or silent for too long. */
  down(nodeId: string, reason: string): void;
}

export interface LinkStatus {
  readonly node_id: string;
  readonly address: string | undefined;
  readonly state: 'up' | 'connecting' | 'waiting';
  readonly queued_bytes: number;
  readonly dropped: number;
  readonly last_error: string | undefined;
}

/** There is no link, or it dropped before the answer came. */
export class LinkLost extends Error {}

/** There was no link: the question never left. */
export class NotSent extends LinkLost {}

/** The peer was there, and did not answer in time. */
export class AskTimeout extends Error {}

/** The peer was there, and would not: too much at once, or its own answering failed. */
export class PeerRefused extends Error {}
