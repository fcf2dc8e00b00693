/** What is due when time has passed, and when that will be. Deadlines are data; a wake-up only compares. */
import { campaign } from './election.ts';
import { lookForQuorum } from './leading.ts';
import { giveUpPromotion } from './membership.ts';
import { beatsApart, mayQuiesce, nextBeat } from './quiescence.ts';
import { refuse } from './roles.ts';
import type { Follower, Leader, Raft, RoleState } from './state.ts';
import { giveUp, handOver, proceed } from './transfer.ts';

export function wake(raft: Raft): void {
  DUE[raft.role.kind](raft);
}

/** @returns the earliest deadline in lived time; infinite: there is none */
export function nextDeadline(raft: Raft): number {
  const { role } = raft;
  if (role.kind === 'leader') return leaderDeadline(role);
  return role.kind === 'follower' ? followerDeadline(raft, role) : role.deadline;
}

const DUE: Record<RoleState['kind'], (raft: Raft) => void> = {
  follower: (raft) => {
    expireReads(raft);
    campaignWhenDue(raft, 'no leader was heard');
  },
  pre_candidate: (raft) => campaignWhenDue(raft, 'no majority answered'),
  candidate: (raft) => campaignWhenDue(raft, 'no majority voted'),
  leader: (raft) => {
    for (const duty of [giveUp, lookWhenDue, beatWhenDue])
      if (raft.role.kind === 'leader') duty(raft, raft.role);
  },
};

function campaignWhenDue(raft: Raft, why: string): void {
  const { role, now } = raft;
  if (role.kind !== 'leader' && now >= role.deadline) campaign(raft, why);
}

/** The leader did not answer within an election timeout: whoever asked may ask again. */
function expireReads(raft: Raft): void {
  const before = raft.now - raft.options.timing.election.most;
  for (const id of raft.forwarded.expired(before)) refuse(raft, id, 'no_leader');
}

function lookWhenDue(raft: Raft, leader: Leader): void {
  if (!leader.quiesced && raft.now >= leader.quorumDue) lookForQuorum(raft, leader);
}

/** A heartbeat to everybody, with the next message if there is one. */
function beatWhenDue(raft: Raft, leader: Leader): void {
  if (leader.quiesced || raft.now < leader.heartbeatDue) return;
  leader.idleBeats += 1;
  leader.heartbeatDue = nextBeat(raft, beatsApart(raft, leader));
  for (const progress of leader.progress.values()) progress.beatDue = true;
  leader.quiesced = mayQuiesce(raft, leader);
  giveUpPromotion(raft, leader);
  lookAtDisk(raft, leader);
}

/** A leader whose disk does not answer hands over; and tells its successor again, if that was lost. */
function lookAtDisk(raft: Raft, leader: Leader): void {
  const { disk, now, options } = raft;
  if (disk.isStalled(now, options.timing.disk_patience)) handOver(raft, leader);
  proceed(raft, leader);
}

function leaderDeadline(leader: Leader): number {
  if (leader.quiesced) return Number.POSITIVE_INFINITY;
  const due = Math.min(leader.heartbeatDue, leader.quorumDue, newsDue(leader));
  return leader.transfer === undefined ? due : Math.min(due, leader.transfer.deadline);
}

/** The next message, which a wake-up makes, tells it. */
function newsDue({ isUntold, newsFrom }: Leader): number {
  return isUntold ? newsFrom : Number.POSITIVE_INFINITY;
}

function followerDeadline({ forwarded, options }: Raft, { deadline }: Follower): number {
  const { oldest } = forwarded;
  return oldest === undefined
    ? deadline
    : Math.min(deadline, oldest + options.timing.election.most);
}
