/** What clients ask of a core, by way of its host: proposals, changes, reads, transfers. */
import { appendOwn, unfitness } from './appending.ts';
import { toldCommitted } from './commit.ts';
import type { Input, Proposal, Refusal } from './input.ts';
import { change } from './membership.ts';
import type { ReadIndex, ReadIndexResponse } from './messages.ts';
import { answerReader, post, refuse, refuseAsFollower } from './roles.ts';
import type { Reader } from './read-rounds.ts';
import { leaderOf, type Leader, type Raft } from './state.ts';
import { transferTo } from './transfer.ts';

type Asked<Kind extends Input['kind']> = Extract<Input, { readonly kind: Kind }>;

export function propose(raft: Raft, { proposals }: Asked<'propose'>): void {
  const { role } = raft;
  if (role.kind !== 'leader') {
    for (const { id } of proposals) refuseAsFollower(raft, id);
    return;
  }
  for (const proposal of proposals) proposeOne(raft, role, proposal);
}

export function changeMembers(raft: Raft, { id, wanted }: Asked<'change'>): void {
  const { role } = raft;
  if (role.kind === 'leader') change(raft, role, { id, wanted });
  else refuseAsFollower(raft, id);
}

export function read(raft: Raft, { id }: Asked<'read'>): void {
  const { role } = raft;
  if (role.kind === 'leader') return readAsLeader(raft, role, id);
  if (leaderOf(raft) === undefined) return refuse(raft, id, 'no_leader');
  if (raft.forwarded.size >= raft.options.bounds.reads) return refuse(raft, id, 'uncommitted_full');
  raft.forwarded.add(id);
}

export function transfer(raft: Raft, { id, to }: Asked<'transfer'>): void {
  const { role } = raft;
  if (role.kind !== 'leader') return refuseAsFollower(raft, id);
  if (role.transfer === undefined) transferTo(raft, role, id, to);
  else refuse(raft, id, 'transferring');
}

/** A follower asks on behalf of its readers. */
export function readIndex(raft: Raft, { from, round, term }: ReadIndex): void {
  const reader: Reader = { kind: 'remote', from, round };
  const { role } = raft;
  const leads = role.kind === 'leader' && term === raft.term;
  if (leads && readRefusal(raft, role) === undefined) role.reads.add(reader);
  else answerReader(raft, reader, undefined);
}

/** The leader's answer to the readers here; one for a question of an earlier term is not awaited any more. */
export function readIndexResponse(raft: Raft, { round, index, term }: ReadIndexResponse): void {
  // Reads begin when something of the leader's own term is committed: so that is the term of all it names.
  if (index !== undefined) toldCommitted(raft, { index, term });
  for (const id of raft.forwarded.answered(round)) answerReader(raft, { kind: 'own', id }, index);
}

/** The questions of one turn leave as one. */
export function forwardReads(raft: Raft): void {
  const leader = leaderOf(raft);
  if (leader === undefined || leader === raft.id) return;
  const round = raft.forwarded.ask(raft.now);
  if (round === undefined) return;
  const { id: from, store, term } = raft;
  post(raft, { kind: 'read_index', from, store, to: leader, term, round });
}

function proposeOne(raft: Raft, leader: Leader, { id, frame }: Proposal): void {
  const refusal = unfitness(raft, leader) ?? fullness(raft, frame);
  if (refusal === undefined) raft.waiting.add(id, appendOwn(raft, leader, frame));
  else refuse(raft, id, refusal);
}

function readAsLeader(raft: Raft, leader: Leader, id: number): void {
  const refusal = readRefusal(raft, leader);
  if (refusal === undefined) leader.reads.add({ kind: 'own', id });
  else refuse(raft, id, refusal);
}

/** One proposal above the bound is taken when nothing else waits: it would be refused for ever otherwise. */
function fullness({ log, commit, options }: Raft, frame: Uint8Array): Refusal | undefined {
  const waiting = log.bytesBetween(commit, log.last.index);
  if (waiting === 0 || waiting + frame.length <= options.bounds.uncommitted_bytes) return undefined;
  return 'uncommitted_full';
}

function readRefusal({ options }: Raft, { transfer: handingOver, reads }: Leader) {
  if (handingOver !== undefined) return 'transferring';
  return reads.size >= options.bounds.reads ? 'uncommitted_full' : undefined;
}
