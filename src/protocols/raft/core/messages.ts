/**
 * What the cores of a group say to each other; names and fields as in the Raft paper's figure 2 and
 * the source systems. The transport adds the group with its incarnation and the cluster.
 */
import type { Configuration } from './configuration.ts';
import type { Entry, Place } from './entry.ts';

interface Addressed {
  readonly from: string;
  /** The store of the sender. */
  readonly store: string;
  readonly to: string;
  readonly term: number;
}

/** Asks for a vote; `pre`: only whether it would be given (dissertation §9.6). No term is raised by it. */
export interface RequestVote extends Addressed {
  readonly kind: 'request_vote';
  /** Which of its store's elections this is: an answer names it, so that a late one is told from the one awaited. */
  readonly question: number;
  readonly pre: boolean;
  /** Leadership is handed over on purpose: who has a leader answers all the same (§6). */
  readonly transfer: boolean;
  readonly last: Place;
}

export interface RequestVoteResponse extends Addressed {
  readonly kind: 'request_vote_response';
  /** The store that asked: another one under its id may not count what it was not given. */
  readonly asker: string;
  readonly question: number;
  readonly pre: boolean;
  readonly granted: boolean;
  /** The asker is no member any more, and may rest. */
  readonly stale_member: boolean;
}

/** From one heartbeat of an eased group to the next, in heartbeats. */
export const EASED_BEATS = 2;

/** Entries after `previous`; none of them: a heartbeat. */
export interface AppendEntries extends Addressed {
  readonly kind: 'append_entries';
  readonly previous: Place;
  readonly entries: readonly Entry[];
  readonly commit: number;
  /** The newest read round; its echo proves that the sender led when it was asked (§8). 0: none. */
  readonly round: number;
  /** Nothing happens here: followers that have everything stop their clocks until somebody speaks. */
  readonly quiesce: boolean;
  /** Nothing happens here: every second heartbeat is left out, until something does. */
  readonly eased: boolean;
}

export type AppendEntriesResponse = Addressed & {
  readonly kind: 'append_entries_response';
  readonly round: number;
} & (
    | { readonly success: true; readonly match: number }
    /**
     * The log differs at `previous`. `conflict` is the newest place of the follower's log up to there whose
     * term is not above that of `previous`: nothing newer can match, so a whole term is skipped at once.
     */
    | {
        readonly success: false;
        readonly previous: number;
        readonly conflict: Place;
      }
  );

/** A snapshot has arrived by the way of snapshots; this asks the core to take it. */
export interface InstallSnapshot extends Addressed {
  readonly kind: 'install_snapshot';
  readonly snapshot: SnapshotPlace;
}

export interface SnapshotPlace extends Place {
  readonly configuration: Configuration;
}

/** Hands leadership over: campaign at once (dissertation §3.10). */
export interface TimeoutNow extends Addressed {
  readonly kind: 'timeout_now';
}

/** A follower asks where a read must have applied to. */
export interface ReadIndex extends Addressed {
  readonly kind: 'read_index';
  readonly round: number;
}

export interface ReadIndexResponse extends Addressed {
  readonly kind: 'read_index_response';
  readonly round: number;
  /** Undefined: the asked one does not lead, or not surely enough. */
  readonly index: number | undefined;
}

export type Message =
  | RequestVote
  | RequestVoteResponse
  | AppendEntries
  | AppendEntriesResponse
  | InstallSnapshot
  | TimeoutNow
  | ReadIndex
  | ReadIndexResponse;
