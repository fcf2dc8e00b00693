/**
 * What a core knows. The parts have files of their own; this one says which there are, and what exists in
 * which role only.
 */
import type { Configuration } from './configuration.ts';
import type { ConfigurationHistory } from './configuration-history.ts';
import type { Disk } from './disk.ts';
import type { ForwardedReads } from './forwarded-reads.ts';
import type { CoreOptions, WantedMembers } from './input.ts';
import type { RaftLog } from './log.ts';
import type { Outbox } from './outbox.ts';
import type { Progress } from './progress.ts';
import type { ReadRounds } from './read-rounds.ts';
import type { Waiting } from './waiting.ts';

export interface Raft {
  readonly id: string;
  readonly store: string;
  readonly options: CoreOptions;
  readonly log: RaftLog;
  readonly history: ConfigurationHistory;
  readonly disk: Disk;
  readonly outbox: Outbox;
  readonly waiting: Waiting;
  readonly forwarded: ForwardedReads;
  /** Peers that another source calls dead, and that were not heard since. */
  readonly suspected: Set<string>;
  /** Lived time of this step, in milliseconds. */
  now: number;
  term: number;
  /** Who got this core's vote in `term`, by name; empty: nobody. */
  vote: string;
  commit: number;
  applied: number;
  role: RoleState;
  /** A member that knows better said that this core is none: it rests until a leader speaks to it. */
  stale: boolean;
  election: LastElection | undefined;
  /** The number of the last election it asked for: in another life of its store they begin elsewhere. */
  question: number;
}

/** Why this core last asked for votes, and when in lived time. */
export interface LastElection {
  readonly why: string;
  readonly term: number;
  readonly at: number;
}

export type RoleState = Follower | PreCandidate | Candidate | Leader;

export interface Follower {
  readonly kind: 'follower';
  readonly leader: string | undefined;
  /** When the leader was last heard. */
  heard: number;
  /** When it is time to ask for votes; infinite: never, until a leader speaks. */
  deadline: number;
  /** The group is idle: a leader that is silent is not missed. */
  quiesced: boolean;
}

/** Asks whether it would win, without raising the term (dissertation §9.6). */
export interface PreCandidate {
  readonly kind: 'pre_candidate';
  readonly votes: Map<string, boolean>;
  readonly deadline: number;
}

export interface Candidate {
  readonly kind: 'candidate';
  readonly votes: Map<string, boolean>;
  deadline: number;
  /** The write that holds its vote for itself, which counts when the disk has it. */
  readonly ballot: number;
}

export interface Leader {
  readonly kind: 'leader';
  /** The first entry of its term: what is before it commits with it. */
  readonly termStart: number;
  /** Of everybody else in the configuration, by id. */
  readonly progress: Map<string, Progress>;
  readonly reads: ReadRounds;
  heartbeatDue: number;
  quorumDue: number;
  transfer: Transfer | undefined;
  promotion: Promotion | undefined;
  /** Something that counts towards a commit has changed. */
  recount: boolean;
  /** From then on, what is committed may be told without entries. */
  newsFrom: number;
  /** Somebody who has the entries has not been told that they are committed. */
  isUntold: boolean;
  /** Heartbeats since the last news. */
  idleBeats: number;
  quiesced: boolean;
}

export interface Transfer {
  /** Of who asked for it; undefined: this core did. */
  readonly id: number | undefined;
  readonly to: string;
  /** Given up then. */
  readonly deadline: number;
  /** This core leaves office in any case, with or without a successor. */
  readonly resigns: boolean;
  /** The target was told to campaign. */
  told: boolean;
}

/** New members wait until everybody who would vote newly has answered; see `membership.ts`. */
export interface Promotion {
  readonly id: number;
  readonly wanted: WantedMembers;
  /** Begun when it was asked for. */
  readonly round: number;
  /** Given up then. */
  readonly deadline: number;
}

export function configurationOf({ history }: Raft): Configuration {
  return history.current.configuration;
}

export function leaderOf({ id, role }: Raft): string | undefined {
  if (role.kind === 'leader') return id;
  return role.kind === 'follower' ? role.leader : undefined;
}
