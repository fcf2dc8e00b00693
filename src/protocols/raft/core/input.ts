/** Everything that can happen to a core, and everything it asks its host to do: plain data. */
import type { Configuration, Member } from './configuration.ts';
import type { Entry, FrameMaker, Place } from './entry.ts';
import type { Message, SnapshotPlace } from './messages.ts';

export type Input =
  | { readonly kind: 'message'; readonly message: Message }
  /** Frames of clients, each known to the host by an id of its choice. */
  | { readonly kind: 'propose'; readonly proposals: readonly Proposal[] }
  /** New members; joint unless nothing changes for voters. */
  | { readonly kind: 'change'; readonly id: number; readonly wanted: WantedMembers }
  | { readonly kind: 'read'; readonly id: number }
  /** The write with this number, and all before it, are on the disk. */
  | { readonly kind: 'persisted'; readonly seq: number }
  /** The disk does not take it: nothing of this core is acknowledged from here on. */
  | { readonly kind: 'persist_failed' }
  /** The host's machine has applied up to here; entries below may leave memory. */
  | { readonly kind: 'applied'; readonly index: number }
  /** The members a new cluster begins with, at index 0. Nothing changes where members are known already. */
  | { readonly kind: 'found'; readonly configuration: Configuration }
  /** The leader told somebody here, beside its messages, that what has this place is committed. */
  | { readonly kind: 'told_committed'; readonly place: Place }
  /** Answers `fetch`: the entries from `from` on, read from the disk. None: they are compacted. */
  | {
      readonly kind: 'fetched';
      readonly peer: string;
      readonly from: number;
      readonly entries: readonly Entry[];
    }
  /** Answers `need_snapshot`: it was taken over whole, or it failed and may be tried again. */
  | {
      readonly kind: 'snapshot_sent';
      readonly peer: string;
      readonly index: number;
      readonly ok: boolean;
    }
  /** The disk no longer has entries up to here. */
  | { readonly kind: 'compacted'; readonly floor: Place }
  /** Another source says a peer is dead, or lives again; a quorum must agree before anything follows. */
  | { readonly kind: 'suspect'; readonly peer: string; readonly dead: boolean }
  /** A connection to the peer was lost: what was in flight may be too. */
  | { readonly kind: 'unreachable'; readonly peer: string }
  | { readonly kind: 'transfer'; readonly id: number; readonly to: string | undefined }
  /** Time passed; see `next_wake`. */
  | { readonly kind: 'wake' };

export interface Proposal {
  readonly id: number;
  readonly frame: Uint8Array;
}

export interface WantedMembers {
  readonly voters: readonly Member[];
  readonly learners: readonly Member[];
}

/** What became of a proposal, a change, a read or a transfer. Exactly one per id. */
export type Settled =
  | { readonly kind: 'committed'; readonly id: number; readonly place: Place }
  /** Another leader's entry took its place: it was certainly not applied. */
  | { readonly kind: 'superseded'; readonly id: number }
  /** It may or may not commit. */
  | { readonly kind: 'unknown'; readonly id: number }
  /** Nothing was appended. */
  | {
      readonly kind: 'refused';
      readonly id: number;
      readonly reason: Refusal;
      readonly leader: string | undefined;
    }
  /** A read is linearizable once this index is applied. */
  | { readonly kind: 'readable'; readonly id: number; readonly index: number }
  | { readonly kind: 'transferred'; readonly id: number };

export type Refusal =
  | 'not_leader'
  | 'no_leader'
  /** Leadership is being handed over. */
  | 'transferring'
  /** Too much waits for its quorum: bytes of proposals, or reads. */
  | 'uncommitted_full'
  /** The leader's disk failed. */
  | 'disk_failed'
  /** One change at a time, and none before the leader has committed in its term. */
  | 'change_pending'
  | 'invalid_members'
  | 'unknown_member'
  | 'not_caught_up';

/** A write to the disk. Writes are strictly ordered by `seq`; several may be under way. */
export interface Write {
  readonly seq: number;
  /** To be on the disk before the entries, and before anything in `then`. */
  readonly hard: HardState | undefined;
  /** A snapshot takes the place of the whole log. */
  readonly snapshot: SnapshotPlace | undefined;
  /** What is there from this index on is taken back before `entries` follow. */
  readonly truncate_from: number | undefined;
  readonly entries: readonly Entry[];
  /** What this write proves: leaves after `persisted(seq)`, and not at all if that never comes. */
  readonly then: readonly Message[];
}

export interface HardState {
  readonly term: number;
  /** Who got the vote in `term`, as `id@store`; empty: nobody. An emptied disk is somebody else. */
  readonly vote: string;
  /** A hint: committed, and on the disk before this state was. */
  readonly commit: number;
}

export interface Effects {
  /** May leave now. */
  readonly send: readonly Message[];
  readonly writes: readonly Write[];
  /** Committed up to here: the host applies in order; entries are in memory (`entry(index)`) or on its disk. */
  readonly commit: number;
  readonly settled: readonly Settled[];
  /** Followers whose next entries have left memory: read them from the disk, answer with `fetched`. */
  readonly fetch: readonly Fetch[];
  /** Followers whose next entries are compacted: send them a snapshot, answer with `snapshot_sent`. */
  readonly need_snapshot: readonly { readonly peer: string; readonly at_least: number }[];
  /** When `wake` is due at the latest, in the host's monotonic milliseconds; undefined: nothing to wait for. */
  readonly next_wake: number | undefined;
  /** What happened and why, for people and for checkers. */
  readonly trace: readonly Trace[];
}

export interface Fetch {
  readonly peer: string;
  readonly from: number;
  readonly bytes: number;
}

/** Named as in etcd's state trace, so that outside checkers can read it. */
export type Trace =
  | { readonly kind: 'became'; readonly role: Role; readonly term: number; readonly why: string }
  | { readonly kind: 'commit'; readonly index: number; readonly term: number }
  | {
      readonly kind: 'configuration';
      readonly index: number;
      readonly configuration: Configuration;
    }
  | {
      readonly kind: 'refused_vote';
      readonly to: string;
      readonly term: number;
      readonly why: string;
    };

export type Role = 'follower' | 'pre_candidate' | 'candidate' | 'leader';

/** What a core begins with: what its disk holds. */
export interface Restored {
  readonly hard: HardState;
  /** What lies before the log: the place of the snapshot, or index 0. */
  readonly floor: Place;
  /** Where each term begins in the log above the floor, ascending. */
  readonly terms: readonly Place[];
  readonly last: Place;
  /** Known to be committed and applied already. */
  readonly applied: number;
  /** Members at the floor, and every change above it that is in the log, by index. */
  readonly configurations: readonly {
    readonly index: number;
    readonly configuration: Configuration;
  }[];
}

export interface CoreOptions {
  readonly id: string;
  readonly store: string;
  readonly timing: Timing;
  readonly bounds: Bounds;
  /** In [0, 1). */
  readonly random: () => number;
  readonly frames: FrameMaker;
  readonly restored: Restored;
}

/** Milliseconds. */
export interface Timing {
  readonly heartbeat: number;
  /** A timeout is drawn evenly from [least, most). */
  readonly election: { readonly least: number; readonly most: number };
  /** No `persisted` for so long: the leader stops accepting and hands over. */
  readonly disk_patience: number;
  /**
   * No majority heard for so long: the leader steps down. It is no less safe when it is long, since nothing commits
   * meanwhile; it is longer than followers are stopped at the same time by what they have in common.
   */
  readonly quorum_patience: number;
  /**
   * A wake-up that is late by more than this was late for want of time: the process was stopped, not the peers. So it
   * is more than any wake-up waits for its tick.
   */
  readonly stall: number;
  /** So long lies between two messages that say nothing but what is committed; entries always say it. */
  readonly news: number;
  /** Heartbeats without any news after which an idle group stops its clocks; Infinity: never. */
  readonly quiesce_after: number;
  /** The same, after which every second heartbeat is left out. */
  readonly ease_after: number;
}

export interface Bounds {
  /** To one follower, unanswered. */
  readonly in_flight_messages: number;
  readonly in_flight_bytes: number;
  /** While so many are unanswered, only full ones follow: what is appended meanwhile shares the next. */
  readonly eager_messages: number;
  /** In one message. */
  readonly message_bytes: number;
  readonly message_entries: number;
  /** Appended, not committed. */
  readonly uncommitted_bytes: number;
  /** Of applied entries, in the memory of a leader, for followers that lack them. */
  readonly cache_bytes: number;
  readonly reads: number;
  /** A learner so close to the leader's log may vote. */
  readonly promotion_lag: number;
}
