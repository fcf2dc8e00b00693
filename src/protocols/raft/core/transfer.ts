/**
 * Leadership is handed over (dissertation §3.10): the leader accepts nothing new, brings one voter up to
 * its last entry, on that voter's disk, and tells it to campaign at once. Whoever is asked then votes,
 * leader or not.
 *
 * ```
 *   accepting ──begin──▶ catching up ──match = last──▶ told ──▶ a higher term ends it
 *       ▲                     └────────── one election timeout ──┘
 *       └── given up; a leader that resigns goes all the same
 * ```
 */
import type { Progress } from './progress.ts';
import { becomeFollower, refuse } from './roles.ts';
import { configurationOf, type Leader, type Raft, type Transfer } from './state.ts';

/** A client, or an operator, asks for it. @param to a voter; undefined: the most caught-up one */
export function transferTo(raft: Raft, leader: Leader, id: number, to: string | undefined): void {
  if (to === raft.id) return raft.outbox.settle({ kind: 'transferred', id });
  const target = to ?? mostCaughtUp(raft, leader);
  if (isSuccessor(raft, leader, target)) begin(raft, leader, { id, to: target, resigns: false });
  else refuse(raft, id, 'unknown_member');
}

/** The leader wants to go, and stays if nobody can take over. */
export function handOver(raft: Raft, leader: Leader): void {
  const to = mostCaughtUp(raft, leader);
  if (leader.transfer !== undefined || to === undefined) return;
  begin(raft, leader, { id: undefined, to, resigns: false });
}

/** The leader goes; before that it names its successor, if it can. */
export function resign(raft: Raft, leader: Leader, why: string): void {
  const to = mostCaughtUp(raft, leader);
  if (leader.transfer?.resigns === true) return;
  if (to === undefined) return stepDown(raft, why);
  supersede(raft, leader);
  begin(raft, leader, { id: undefined, to, resigns: true });
}

/** The target may have caught up: once its disk has the last entry, it is told. */
export function proceed(raft: Raft, leader: Leader): void {
  const { transfer } = leader;
  if (transfer === undefined || !hasEverything(raft, leader, transfer.to)) return;
  transfer.told = true;
  const { id, store, term } = raft;
  raft.outbox.send({ kind: 'timeout_now', from: id, store, to: transfer.to, term });
  if (transfer.resigns) stepDown(raft, 'it has named its successor');
}

/** An election timeout has passed: the leader leads on, unless it goes. */
export function giveUp(raft: Raft, leader: Leader): void {
  const { transfer } = leader;
  if (transfer === undefined || raft.now < transfer.deadline) return;
  if (transfer.resigns) return stepDown(raft, 'nobody could take over');
  supersede(raft, leader);
}

function stepDown(raft: Raft, why: string): void {
  becomeFollower(raft, undefined, why);
}

function begin(raft: Raft, leader: Leader, aim: Pick<Transfer, 'id' | 'to' | 'resigns'>): void {
  const deadline = raft.now + raft.options.timing.election.most;
  leader.transfer = { ...aim, deadline, told: false };
  proceed(raft, leader);
}

/** Ends a transfer without an end of leadership. */
function supersede(raft: Raft, leader: Leader): void {
  const { transfer } = leader;
  leader.transfer = undefined;
  if (transfer?.id === undefined) return;
  if (transfer.told) raft.outbox.settle({ kind: 'unknown', id: transfer.id });
  else refuse(raft, transfer.id, 'not_caught_up');
}

/** All that can be sent: the rest of a log whose disk failed is nowhere. */
function hasEverything({ log, disk }: Raft, { progress }: Leader, id: string): boolean {
  return progress.get(id)?.match === disk.sendable(log.last.index);
}

function mostCaughtUp(raft: Raft, leader: Leader): string | undefined {
  const present = [...leader.progress.entries()].filter(
    ([id, progress]) => isSuccessor(raft, leader, id) && isPresent(raft, id, progress),
  );
  const [best] = present.sort(([, left], [, right]) => right.match - left.match);
  return best?.[0];
}

/** A voter of the newer half; in the older one it would only lead until the change is through. */
function isSuccessor(raft: Raft, { progress }: Leader, id: string | undefined): id is string {
  const store = progress.get(id ?? '')?.store;
  const { voters } = configurationOf(raft);
  return voters.some((voter) => voter.id === id && voter.store === store);
}

/** Heard within an election timeout. */
export function isRecent({ now, options }: Raft, { lastContact }: Progress): boolean {
  return now - lastContact < options.timing.election.most;
}

function isPresent(raft: Raft, id: string, progress: Progress): boolean {
  return !raft.suspected.has(id) && isRecent(raft, progress);
}
