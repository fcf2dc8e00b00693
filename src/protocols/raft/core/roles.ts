/**
 * How a core becomes a follower, and what a role that ends leaves behind. (How it becomes a candidate is
 * in `election.ts`, how a leader in `leading.ts`.)
 */
import { isVoter } from './configuration.ts';
import type { Refusal, Settled } from './input.ts';
import type { Message } from './messages.ts';
import {
  configurationOf,
  leaderOf,
  type Follower,
  type Leader,
  type Raft,
  type RoleState,
} from './state.ts';
import type { Reader } from './read-rounds.ts';

/**
 * Whether it may ask for votes at all. A stalled disk is looked at when it is time to ask. Who is being
 * removed asks until its removal is committed: others may lack an entry that only it has (dissertation
 * §4.2.2).
 */
export function isEligible(raft: Raft): boolean {
  const { stale, disk, history, commit } = raft;
  if (stale || disk.failed) return false;
  return isVoter(configurationOf(raft), raft) || isVoter(history.at(commit).configuration, raft);
}

/** @returns when to ask for votes, drawn at random so that few ask at once (§5.2) */
export function drawDeadline(raft: Raft, beats = 1): number {
  if (!isEligible(raft)) return Number.POSITIVE_INFINITY;
  const { least, most } = raft.options.timing.election;
  return raft.now + (least + raft.options.random() * (most - least)) * beats;
}

/** Who learn of a death together ask at different moments within this many milliseconds. */
const SPREAD = 10;

/** @returns when to ask where there is nothing to wait for but each other */
export function soon(raft: Raft): number {
  return raft.now + raft.options.random() * SPREAD;
}

export function becomeFollower(raft: Raft, leader: string | undefined, why: string): Follower {
  const before = raft.role;
  const follower: Follower = {
    kind: 'follower',
    leader,
    heard: raft.now,
    deadline: nextDeadline(raft, before, leader),
    quiesced: false,
  };
  raft.role = follower;
  if (before.kind !== 'follower') became(raft, why);
  if (before.kind === 'leader') leaveOffice(raft, before);
  refuseForwarded(raft);
  return follower;
}

/** A higher term was seen: whoever this core was, it follows in that term, and has not voted in it. */
export function adoptTerm(raft: Raft, term: number): void {
  raft.term = term;
  raft.vote = '';
  raft.disk.changeHardState();
  becomeFollower(raft, undefined, 'a higher term was seen');
}

export function became(raft: Raft, why: string): void {
  raft.outbox.trace({ kind: 'became', role: raft.role.kind, term: raft.term, why });
}

export function settleAll(raft: Raft, settled: readonly Settled[]): void {
  for (const each of settled) raft.outbox.settle(each);
}

export function refuse(raft: Raft, id: number, reason: Refusal): void {
  raft.outbox.settle({ kind: 'refused', id, reason, leader: leaderOf(raft) });
}

/** To whom it may concern: this core does not lead. */
export function refuseAsFollower(raft: Raft, id: number): void {
  if (raft.disk.failed) return refuse(raft, id, 'disk_failed');
  refuse(raft, id, leaderOf(raft) === undefined ? 'no_leader' : 'not_leader');
}

/** The answer to a follower's question; undefined: it must look elsewhere. */
export function answerReader(raft: Raft, reader: Reader, index: number | undefined): void {
  if (reader.kind === 'remote') {
    const { id: from, store, term } = raft;
    const { from: to, round } = reader;
    return post(raft, { kind: 'read_index_response', from, store, to, term, round, index });
  }
  if (index === undefined) refuse(raft, reader.id, 'no_leader');
  else raft.outbox.settle({ kind: 'readable', id: reader.id, index });
}

/** No message leaves before the term it speaks of is on the disk. */
export function post({ disk, outbox }: Raft, message: Message): void {
  if (disk.answer(message)) outbox.send(message);
}

/** A transfer ends with leadership: the target took it, if it had been told to. */
function leaveOffice(raft: Raft, office: Leader): void {
  for (const reader of office.reads.abandon()) answerReader(raft, reader, undefined);
  endTransfer(raft, office);
  if (office.promotion !== undefined) refuseAsFollower(raft, office.promotion.id);
  if (raft.disk.failed) settleAll(raft, raft.waiting.abandon());
}

function endTransfer(raft: Raft, { transfer }: Leader): void {
  if (transfer?.id === undefined) return;
  raft.outbox.settle({ kind: transfer.told ? 'transferred' : 'unknown', id: transfer.id });
}

/** Without its leader, a follower's questions will not be answered. */
export function refuseForwarded(raft: Raft): void {
  for (const id of raft.forwarded.abandon()) refuse(raft, id, 'no_leader');
}

/** News of a term alone does not put off an election that is due: only a leader, or a lost office, does. */
function nextDeadline(raft: Raft, before: RoleState, leader: string | undefined): number {
  if (before.kind === 'follower' && leader === undefined) return before.deadline;
  return drawDeadline(raft);
}
