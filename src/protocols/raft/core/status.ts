/** What a core tells of itself, as plain data. */
import type { Configuration } from './configuration.ts';
import type { Place } from './entry.ts';
import type { Role } from './input.ts';
import type { Progress, ProgressState } from './progress.ts';
import { isQuiesced } from './quiescence.ts';
import { configurationOf, leaderOf, type LastElection, type Raft } from './state.ts';
import { isRecent } from './transfer.ts';

export interface CoreStatus {
  readonly id: string;
  readonly role: Role;
  readonly term: number;
  /** As `id@store`; empty: nobody. */
  readonly vote: string;
  readonly leader: string | undefined;
  readonly configuration: Configuration;
  readonly commit: number;
  readonly applied: number;
  readonly last: Place;
  readonly floor: Place;
  /** The log is on this disk up to here. */
  readonly persisted: number;
  /** A leader's view of the others. */
  readonly peers: readonly PeerStatus[];
  /** When and why this core last asked for votes; `at` is in lived time. */
  readonly election: LastElection | undefined;
  /** To whom leadership is being handed. */
  readonly transfer: string | undefined;
  readonly quiesced: boolean;
  readonly disk: 'working' | 'stalled' | 'failed';
}

export interface PeerStatus {
  readonly id: string;
  readonly state: ProgressState['kind'];
  readonly match: number;
  readonly next: number;
  readonly in_flight_messages: number;
  readonly in_flight_bytes: number;
  /** Milliseconds since its last answer. */
  readonly last_contact: number;
  readonly paused: boolean;
  /** Heard within an election timeout. */
  readonly recent_active: boolean;
}

export function statusOf(raft: Raft): CoreStatus {
  const { id, role, term, vote, commit, applied, log, disk, election } = raft;
  const leads = role.kind === 'leader';
  return {
    id,
    role: role.kind,
    term,
    vote,
    leader: leaderOf(raft),
    configuration: configurationOf(raft),
    commit,
    applied,
    last: { term: log.last.term, index: log.last.index },
    floor: log.floor,
    persisted: disk.persisted,
    peers: leads ? [...role.progress].map(([peer, known]) => peerOf(raft, peer, known)) : [],
    election,
    transfer: leads ? role.transfer?.to : undefined,
    quiesced: isQuiesced(role),
    disk: diskOf(raft),
  };
}

function peerOf(raft: Raft, id: string, progress: Progress): PeerStatus {
  const { state, match, next, flight, lastContact } = progress;
  return {
    id,
    state: state.kind,
    match,
    next,
    in_flight_messages: flight.messages,
    in_flight_bytes: flight.bytes,
    last_contact: raft.now - lastContact,
    paused: progress.isPaused(raft.options.bounds),
    recent_active: isRecent(raft, progress),
  };
}

function diskOf({ disk, now, options }: Raft): CoreStatus['disk'] {
  if (disk.failed) return 'failed';
  return disk.isStalled(now, options.timing.disk_patience) ? 'stalled' : 'working';
}
