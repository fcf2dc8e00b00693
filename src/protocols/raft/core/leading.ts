/**
 * What a leader does of itself: it begins its term with an entry of its own, counts what its followers
 * have, carries changes of members through, and steps down when it must.
 *
 * Only an entry of its own term is committed by counting; what is before it commits with it (§5.4.2). It
 * counts its own log only as far as its disk has it, and not at all when it is no voter.
 */
import { appendOwn, followMembers } from './appending.ts';
import { commitTo } from './commit.ts';
import { isJoint, isVoter, leave, type Member } from './configuration.ts';
import { promoteWhenAnswered } from './membership.ts';
import type { Progress } from './progress.ts';
import { nextBeat } from './quiescence.ts';
import { jointReached } from './quorum.ts';
import { ReadRounds } from './read-rounds.ts';
import { answerReader, became, becomeFollower, settleAll } from './roles.ts';
import { configurationOf, type Leader, type Raft } from './state.ts';
import { resign } from './transfer.ts';

export function becomeLeader(raft: Raft): void {
  const { options, now, log } = raft;
  const leader: Leader = {
    kind: 'leader',
    termStart: log.last.index + 1,
    progress: new Map(),
    reads: new ReadRounds(),
    heartbeatDue: nextBeat(raft, 1),
    quorumDue: now + options.timing.quorum_patience,
    transfer: undefined,
    promotion: undefined,
    recount: true,
    newsFrom: now,
    isUntold: false,
    idleBeats: 0,
    quiesced: false,
  };
  raft.role = leader;
  became(raft, 'a majority voted for it');
  followMembers(raft, leader, leader.termStart);
  appendOwn(raft, leader, options.frames.noOp());
}

/** Ends every step of a leader: what follows from what it has learned. */
export function conclude(raft: Raft): void {
  while (raft.role.kind === 'leader' && raft.role.recount) count(raft, raft.role);
  if (raft.role.kind !== 'leader') return;
  releaseReads(raft, raft.role);
  promoteWhenAnswered(raft, raft.role);
}

/** Without answers of a majority for too long there may be another leader: it steps down. */
export function lookForQuorum(raft: Raft, leader: Leader): void {
  const { quorum_patience: patience } = raft.options.timing;
  const heard = quorumMark(raft, leader, (progress) => progress.lastContact, raft.now);
  if (raft.now - heard < patience) leader.quorumDue = heard + patience;
  else becomeFollower(raft, undefined, `no majority was heard for ${patience} ms`);
}

/** Reads that came since the last turn begin a round, once the term has committed something (§8). */
export function openReads(raft: Raft, leader: Leader): void {
  if (raft.commit < leader.termStart) return;
  leader.reads.open(raft.commit);
  releaseReads(raft, leader);
}

function count(raft: Raft, leader: Leader): void {
  leader.recount = false;
  const reached = quorumMark(raft, leader, ({ match }) => match, raft.disk.persisted);
  if (reached <= raft.commit || raft.log.termOf(reached) !== raft.term) return;
  commitTo(raft, reached);
  carryThrough(raft, leader);
}

/** A committed joint configuration is left, once; a leader that is no member any more goes. */
function carryThrough(raft: Raft, leader: Leader): void {
  const { index, configuration } = raft.history.current;
  if (index > raft.commit) return;
  if (isJoint(configuration)) leaveJoint(raft, leader);
  else if (!isVoter(configuration, raft)) stepAside(raft, leader);
}

/** What a failed disk cannot hold is left to the successor. */
function leaveJoint(raft: Raft, leader: Leader): void {
  if (raft.disk.failed) return;
  const newer = leave(configurationOf(raft));
  appendOwn(raft, leader, raft.options.frames.configuration(newer), newer);
}

/** Nobody will tell it what becomes of proposals that follow its removal. */
function stepAside(raft: Raft, leader: Leader): void {
  settleAll(raft, raft.waiting.abandon());
  resign(raft, leader, 'its removal is committed');
}

function releaseReads(raft: Raft, leader: Leader): void {
  if (leader.reads.size === 0) return;
  const reached = quorumMark(raft, leader, ({ round }) => round, leader.reads.newest);
  for (const { reader, index } of leader.reads.release(reached)) answerReader(raft, reader, index);
}

/** What a majority has reached, by the leader's own mark and what it knows of the others. */
function quorumMark(
  raft: Raft,
  { progress }: Leader,
  markOf: (progress: Progress) => number,
  own: number,
): number {
  return jointReached(configurationOf(raft), (member) => {
    if (member.id === raft.id) return member.store === raft.store ? own : 0;
    return markOfStore(progress.get(member.id), member, markOf);
  });
}

/** Under the same id, another store has promised nothing. */
function markOfStore(
  progress: Progress | undefined,
  { store }: Member,
  markOf: (progress: Progress) => number,
): number {
  return progress?.store === store ? markOf(progress) : 0;
}
