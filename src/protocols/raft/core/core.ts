/**
 * Raft, as a value that is stepped: no clock, no chance of its own, no I/O. What happens goes in, what has
 * to be done comes out, and a host of thirty lines stands between it and the world (a simulator is another).
 *
 * ```
 *            messages, proposals, persisted, time
 *                          │ step
 *                          ▼
 *   ┌──────────┐ timeout ┌───────────────┐ a majority would ┌───────────┐ a majority did ┌────────┐
 *   │ follower │────────▶│ pre_candidate │─────────────────▶│ candidate │───────────────▶│ leader │
 *   └──────────┘         └───────────────┘                  └───────────┘                └────────┘
 *     ▲   └───────────────── leadership is handed to it ──────────▲                           │
 *     └──── a leader speaks · a majority refuses · a higher term · no majority is heard ──────┘
 *                          │ take
 *                          ▼
 *            messages, writes, commit, settled, next_wake
 * ```
 *
 * Ongaro & Ousterhout 2014: elections §5.2 (`election.ts`), the log §5.3 (`following.ts`,
 * `replication.ts`), safety §5.4 (`election.ts`, `leading.ts`), members §6 (`membership.ts`), snapshots §7
 * (`following.ts`), reads §8 (`read-rounds.ts`). Ongaro's dissertation: transfer §3.10 (`transfer.ts`),
 * pre-vote §9.6.
 */
import { changeMembers, forwardReads, propose, read, transfer } from './asking.ts';
import { invariant } from './bug.ts';
import { toldCommitted } from './commit.ts';
import { ConfigurationHistory } from './configuration-history.ts';
import { Disk } from './disk.ts';
import { dispatch, type Rules } from './dispatch.ts';
import { ballotPersisted } from './election.ts';
import type { Entry } from './entry.ts';
import { ForwardedReads } from './forwarded-reads.ts';
import type { CoreOptions, Effects, HardState, Input } from './input.ts';
import { conclude, openReads } from './leading.ts';
import { LivedTime } from './lived-time.ts';
import { RaftLog } from './log.ts';
import { Outbox } from './outbox.ts';
import { stir } from './quiescence.ts';
import { receive } from './receiving.ts';
import { fetched, heldByAll, replicate, snapshotSent, unreachable } from './replication.ts';
import { drawDeadline } from './roles.ts';
import { configurationOf, type Follower, leaderOf, type Raft } from './state.ts';
import { statusOf, type CoreStatus } from './status.ts';
import { suspect, withdraw } from './distrust.ts';
import { Waiting } from './waiting.ts';
import { nextDeadline, wake } from './waking.ts';

/** Numbers of questions begin somewhere below: another life of this store begins elsewhere. */
const FIRST_QUESTION_MAX = 2 ** 40;

/** Of what a leader may keep for followers that lag. */
const FOLLOWERS_PART = 1 / 16;

export class RaftCore {
  readonly #raft: Raft;
  readonly #time: LivedTime;

  /** @throws RaftBug when what the disk holds cannot be */
  constructor(options: CoreOptions, now: number) {
    this.#time = new LivedTime(options.timing, now);
    this.#raft = restore(options, now);
  }

  /**
   * Something happened, at a moment of the host's monotonic clock in milliseconds.
   * @throws RaftBug when an invariant of Raft is broken: this core must not go on
   */
  step(input: Input, now: number): void {
    this.#raft.now = this.#time.at(now);
    dispatch<Input>(RULES, this.#raft, input);
    conclude(this.#raft);
  }

  /** What is to be done; each thing is handed out once. */
  take(): Effects {
    const raft = this.#raft;
    if (raft.role.kind === 'leader') {
      openReads(raft, raft.role);
      replicate(raft, raft.role);
    }
    forwardReads(raft);
    const { send, settled, fetch, need_snapshot, trace } = raft.outbox.drain();
    // Named one by one: a spread costs more here than all the rest of most turns.
    return {
      send,
      settled,
      fetch,
      need_snapshot,
      trace,
      writes: raft.disk.write(raft.log, hardStateOf(raft), raft.now),
      commit: durableCommit(raft),
      next_wake: this.#time.wakeAt(nextDeadline(raft)),
    };
  }

  /** An entry that is in memory: all that are not committed or not applied are. */
  entry(index: number): Entry | undefined {
    return this.#raft.log.entry(index);
  }

  /** Who leads, as far as this core knows: asked for every proposal, so it costs nothing. */
  get leader(): string | undefined {
    return leaderOf(this.#raft);
  }

  status(): CoreStatus {
    return statusOf(this.#raft);
  }
}

const RULES: Rules<Input> = {
  message: receive,
  propose: (raft, input) => {
    stir(raft);
    propose(raft, input);
  },
  change: (raft, input) => {
    stir(raft);
    changeMembers(raft, input);
  },
  read: (raft, input) => {
    stir(raft);
    read(raft, input);
  },
  transfer: (raft, input) => {
    stir(raft);
    transfer(raft, input);
  },
  persisted: (raft, { seq }) => {
    for (const message of raft.disk.complete(seq, raft.now)) raft.outbox.send(message);
    ballotPersisted(raft, seq);
    if (raft.role.kind === 'leader') raft.role.recount = true;
  },
  persist_failed: withdraw,
  applied: (raft, { index }) => {
    invariant(index <= raft.commit, 'what is not committed cannot be applied');
    raft.applied = Math.max(raft.applied, index);
    trim(raft);
  },
  compacted: (raft, { floor }) => {
    invariant(floor.index <= raft.applied, 'what is not applied cannot be compacted');
    raft.log.compact(floor);
    raft.history.compact(floor.index);
  },
  told_committed: (raft, { place }) => toldCommitted(raft, place),
  found,
  fetched,
  snapshot_sent: snapshotSent,
  suspect,
  unreachable: (raft, { peer }) => unreachable(raft, peer),
  wake,
};

/** A new cluster begins, with these members: on all of them, or it would not be one. */
function found(raft: Raft, { configuration }: Extract<Input, { readonly kind: 'found' }>): void {
  if (raft.role.kind !== 'follower' || configurationOf(raft).voters.length > 0) return;
  const { index } = raft.log.floor;
  raft.history.replace({ index, configuration });
  raft.outbox.trace({ kind: 'configuration', index, configuration });
  raft.role.deadline = drawDeadline(raft);
}

/**
 * What is applied and on the disk may leave memory, the sooner the better: then it dies young. A leader lets go of
 * what all have to whom it sends its log, and of what one of them lacks when it weighs more than the cache. Who follows
 * keeps a little, for others who lack it, should it lead next.
 */
function trim(raft: Raft): void {
  const { log, disk, applied, options, role } = raft;
  const { cache_bytes: most } = options.bounds;
  const done = Math.min(applied, disk.persisted);
  if (role.kind !== 'leader') return log.trim(done, most * FOLLOWERS_PART);
  log.trim(Math.min(done, heldByAll(raft, role)), 0);
  log.trim(done, most);
}

/** What is applied is on this disk too: a restart never finds tables ahead of their log. */
function durableCommit({ commit, disk }: Raft): number {
  return Math.min(commit, disk.persisted);
}

/** The commit index is written only as far as this disk has what it speaks of. */
function hardStateOf(raft: Raft): HardState {
  return { term: raft.term, vote: raft.vote, commit: durableCommit(raft) };
}

function restore(options: CoreOptions, now: number): Raft {
  const { restored, id, store, random } = options;
  const { hard, floor, last, terms, applied, configurations } = restored;
  invariant(applied <= last.index, 'more was applied than the log holds');
  const follower: Follower = {
    kind: 'follower',
    leader: undefined,
    heard: now,
    deadline: Number.POSITIVE_INFINITY,
    quiesced: false,
  };
  const raft: Raft = {
    id,
    store,
    options,
    log: new RaftLog(floor, last, terms),
    history: new ConfigurationHistory(floor.index, configurations),
    disk: new Disk(last.index),
    outbox: new Outbox(),
    waiting: new Waiting(),
    forwarded: new ForwardedReads(Math.floor(random() * FIRST_QUESTION_MAX)),
    suspected: new Set(),
    now,
    term: hard.term,
    vote: hard.vote,
    // A commit index that was written ahead of a log that was lost speaks of nothing.
    commit: Math.max(floor.index, applied, Math.min(hard.commit, last.index)),
    applied: Math.max(applied, floor.index),
    role: follower,
    stale: false,
    election: undefined,
    question: Math.floor(random() * FIRST_QUESTION_MAX),
  };
  follower.deadline = drawDeadline(raft);
  return raft;
}
