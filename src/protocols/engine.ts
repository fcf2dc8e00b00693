/**
 * The port between a group and the way its nodes agree: solo, raft, bully, etcd.
 *
 * ```
 *   propose(frame) ──▶ [ engine ] ──▶ sink.committed(frames)   in order, once, durable on a quorum
 *        │                  │
 *        └── committed {index, term} after the sink has applied it, or refused, or unknown
 * ```
 *
 * Nothing above this port knows how many nodes there are. One contract suite runs on every engine.
 */
import type { Members } from '../log/members.ts';
import type { Milliseconds } from '../log/time.ts';
import type { Traffic } from '../log/traffic.ts';

/** Why an engine does not take a proposal. Nothing was appended, nothing will be applied. */
export type EngineRefusal =
  'backpressure' | 'too-large' | 'not-leader' | 'no-leader' | 'recovering' | 'shutting-down';

export type Proposed =
  /** Durable on a quorum and applied here. */
  | { readonly kind: 'committed'; readonly index: number; readonly term: number }
  | { readonly kind: 'refused'; readonly code: EngineRefusal; readonly leader_id?: string }
  /** It may or may not commit: retry with the same key. */
  | { readonly kind: 'unknown' };

export type ReadPoint =
  /** Reads served from this applied index on are linearizable. */
  | { readonly kind: 'at'; readonly index: number }
  | { readonly kind: 'refused'; readonly code: EngineRefusal; readonly leader_id?: string };

export type EngineRole = 'leader' | 'follower' | 'candidate' | 'learner' | 'stopped';

/** How much of the log is here. */
export interface HistoryStatus {
  /**
   * `whole`: all from the first entry on. `copying`: what a snapshot jumped over comes from a peer. `waiting`:
   * a peer that may have it does not answer. `missing`: nobody who takes part has it. `trimmed`: it is not
   * kept here.
   */
  readonly state: 'whole' | 'copying' | 'waiting' | 'missing' | 'trimmed';
  /** Entries that are not here, from the first one on. */
  readonly missing: number;
}

export interface EngineStatus {
  readonly engine: 'solo' | 'raft' | 'bully' | 'etcd';
  readonly role: EngineRole;
  readonly term: number;
  readonly leader_id: string | undefined;
  readonly commit_index: number;
  readonly last_index: number;
  readonly voters: readonly string[];
  readonly learners: readonly string[];
  /** How long ago a leader was certainly one, as this node knows it: what it tells by itself is so old. */
  readonly age_ms: Milliseconds;
  readonly history: HistoryStatus;
}

/** A node was taken out of the members, by the entry of this index. */
export interface Removal {
  readonly index: number;
}

/** A node's own wall clock beside those of the voters. */
export interface ClockReport {
  /** How far it is ahead of the middle of them; behind: below zero. */
  readonly offset_ms: Milliseconds;
  /** Further than a clock may be. */
  readonly is_off: boolean;
  /** Other voters whose clocks are known: of one, nobody can say which of the two is wrong. */
  readonly heard: number;
}

/** A node asked for votes. */
export interface ElectionReport {
  readonly node_id: string;
  readonly term: number;
  readonly why: string;
  /** Its wall clock. */
  readonly at: Milliseconds;
}

export interface Configuration {
  readonly voters: readonly string[];
  readonly learners: readonly string[];
}

/** Why members were not changed, or leadership not handed over. `unknown`: it may have happened. */
export const CHANGE_REFUSALS = [
  'no-leader',
  'busy',
  'invalid',
  'unknown-member',
  'not-caught-up',
  'history-held',
  'fixed',
  'unknown',
] as const;
export type ChangeRefusal = (typeof CHANGE_REFUSALS)[number];

export type ConfigurationChange =
  | { readonly kind: 'changed'; readonly index: number }
  /** `reason` is for people. */
  | { readonly kind: 'refused'; readonly code: ChangeRefusal; readonly reason: string };

export type EngineReport = Readonly<Record<string, unknown>>;

export interface EngineSink {
  /** Sealed frames of committed entries, in order, each exactly once. Must not throw. */
  committed(frames: readonly Buffer[]): void;
  /**
   * Everything up to this index is replaced by the group's snapshot of it, which lies on its shelf.
   * @returns the stamp of its last entry, in log time
   */
  install(index: number): Promise<Milliseconds>;
  /** Who leads has changed. */
  led(): void;
}

/**
 * Why an engine stops. `leaving`: the node goes, so a leader hands over first. `resting`: the group only
 * leaves memory, or is over everywhere; nobody is told.
 */
export type Departure = 'leaving' | 'resting';

export interface Engine {
  /** Takes an unsealed frame (`encodeCommand`), gives it its place and replicates it. */
  propose(frame: Buffer, traffic: Traffic): Promise<Proposed>;
  /** The index a linearizable read must have applied (Raft §8, ReadIndex). */
  read(): Promise<ReadPoint>;
  /** Changes who votes and who learns. */
  change(configuration: Configuration): Promise<ConfigurationChange>;
  /** Hands leadership to a voter, or to the one that is furthest. */
  transfer(to: string | undefined): Promise<ConfigurationChange>;
  /** Another node's digest of all outcomes up to an index; undefined where it cannot tell. */
  digestOf(id: string, index: number): Promise<string | undefined>;
  /** Runs `work` while the sink is given nothing. */
  whilePaused(work: () => Promise<void>): Promise<void>;
  /** For people who ask why: the progress of each peer, the last election. Plain data. */
  report(): EngineReport;
  status(): EngineStatus;
  /** Whether this node leads, as far as it knows. It is asked for every group several times a second. */
  readonly isLeader: boolean;
  /** Who takes part, with their stores; as of an applied index, as every snapshot says it. */
  members(at?: number): Members;
  /** Log time (`log-time.ts`): what an entry proposed now would be stamped with. */
  now(): Milliseconds;
  /** Nothing is under way, and nothing will happen by itself: its group may leave memory. */
  isQuiet(): boolean;
  /** Refuses what is new, settles what is under way, leaves nothing behind. Idempotent. */
  stop(why?: Departure): Promise<void>;
}
