/**
 * What a follower does with its leader's log (§5.3).
 *
 * ```
 *   own   1 1 1 2 2          previous (4, term 1): its term differs here, so the message is refused, and the
 *   sent        ▲ 3 3        answer names place (3, term 1): nothing newer can match
 *
 *   own   1 1 1 2 2          previous (3, term 1) matches: what contradicts is taken back, the rest is
 *   sent      ▲ 3 3 3        appended, and confirmed once the disk has it
 * ```
 *
 * What is committed here is in every later leader's log: it matches without being compared, and is never
 * taken back.
 */
import { putInForce } from './appending.ts';
import { invariant } from './bug.ts';
import { commitTo } from './commit.ts';
import type { Entry, Place } from './entry.ts';
import {
  type AppendEntries,
  type AppendEntriesResponse,
  EASED_BEATS,
  type InstallSnapshot,
  type SnapshotPlace,
} from './messages.ts';
import { becomeFollower, drawDeadline, post } from './roles.ts';
import type { Follower, Raft } from './state.ts';

/** Confirms nothing. */
const NO_ROUND = 0;

type Outcome =
  | { readonly success: true; readonly match: number }
  | { readonly success: false; readonly previous: number; readonly conflict: Place };

export function appendEntries(raft: Raft, message: AppendEntries): void {
  if (message.term < raft.term) refuse(raft, message, message.previous);
  else if (isWellFormed(message)) follow(raft, message);
}

function follow(raft: Raft, message: AppendEntries): void {
  const follower = heed(raft, message.from);
  if (isAnchored(raft, message.previous)) accept(raft, follower, message);
  else refuse(raft, message, message.previous);
  if (!follower.quiesced) follower.deadline = drawDeadline(raft, message.eased ? EASED_BEATS : 1);
}

export function installSnapshot(raft: Raft, message: InstallSnapshot): void {
  const { snapshot, term } = message;
  if (term < raft.term) return refuse(raft, message, snapshot);
  const follower = heed(raft, message.from);
  if (snapshot.index > raft.commit) takeOver(raft, snapshot);
  follower.deadline = drawDeadline(raft);
  const outcome = { success: true, match: raft.commit } as const;
  if (raft.commit <= raft.disk.persisted) answer(raft, message, outcome);
  else promise(raft, message, outcome);
}

/** A leader speaks: it is followed, and the own clock begins anew. */
function heed(raft: Raft, leader: string): Follower {
  const { role } = raft;
  invariant(role.kind !== 'leader', 'two leaders in one term');
  raft.stale = false;
  const known = role.kind === 'follower' && role.leader === leader;
  const follower = known ? role : becomeFollower(raft, leader, 'a leader spoke');
  follower.heard = raft.now;
  follower.quiesced = false;
  return follower;
}

function accept(raft: Raft, follower: Follower, message: AppendEntries): void {
  const { previous, entries } = message;
  const fresh = freshOf(raft, message);
  const end = previous.index + entries.length;
  adopt(raft, end - fresh.length + 1, fresh);
  const match = Math.max(raft.commit, end);
  commitTo(raft, Math.min(message.commit, match));
  if (fresh.length > 0) promise(raft, message, { success: true, match });
  // Nothing new: what the disk has already is said at once, so that a slow disk is not taken for death.
  else answer(raft, message, { success: true, match: Math.min(match, raft.disk.persisted) });
  if (message.quiesce && isComplete(raft, message)) fallAsleep(follower);
}

/** The leader will be silent, and is not missed. */
function fallAsleep(follower: Follower): void {
  follower.quiesced = true;
  follower.deadline = Number.POSITIVE_INFINITY;
}

/** The entries this log lacks, or has otherwise. */
function freshOf({ log, commit }: Raft, { previous, entries }: AppendEntries): readonly Entry[] {
  if (previous.index === log.last.index) return entries;
  const committed = Math.max(commit - previous.index, 0);
  const first = entries.findIndex(
    ({ index, term }, at) => at >= committed && log.termOf(index) !== term,
  );
  return first === -1 ? [] : entries.slice(first);
}

/** @param from the index of the first one */
function adopt(raft: Raft, from: number, entries: readonly Entry[]): void {
  if (entries.length === 0) return;
  if (from <= raft.log.last.index) takeBack(raft, from);
  for (const entry of entries) append(raft, entry);
}

function append(raft: Raft, entry: Entry): void {
  raft.log.append(entry);
  if (entry.configuration !== undefined) putInForce(raft, entry.index, entry.configuration);
}

function takeBack(raft: Raft, from: number): void {
  invariant(from > raft.commit, 'a committed entry was contradicted');
  raft.log.truncate(from);
  raft.disk.truncate(from);
  if (raft.history.truncate(from))
    raft.outbox.trace({ kind: 'configuration', ...raft.history.current });
}

/** A snapshot that the log contains changes nothing but what is known to be committed. */
function takeOver(raft: Raft, snapshot: SnapshotPlace): void {
  const { index, term, configuration } = snapshot;
  if (raft.log.termOf(index) !== term) {
    raft.disk.replace(snapshot, Math.min(raft.disk.persisted, raft.commit));
    raft.log.replace(snapshot);
    raft.history.replace({ index, configuration });
    raft.applied = Math.max(raft.applied, index);
    raft.outbox.trace({ kind: 'configuration', index, configuration });
  }
  commitTo(raft, index);
}

function isAnchored({ log, commit }: Raft, { term, index }: Place): boolean {
  return index < commit || log.termOf(index) === term;
}

/** Has everything the leader has, and knows that it is committed. */
function isComplete({ log, commit }: Raft, { previous }: AppendEntries): boolean {
  return previous.index === log.last.index && commit === log.last.index;
}

/** Consecutive from `previous` on, terms never falling: what is not, no leader has sent. */
function isWellFormed({ previous, entries, term }: AppendEntries): boolean {
  let before = previous;
  for (const entry of entries) {
    if (entry.index !== before.index + 1 || entry.term < before.term) return false;
    before = entry;
  }
  return before.term <= term;
}

/** What is committed matches, so the hint is never below it. */
function refuse(raft: Raft, request: AppendEntries | InstallSnapshot, previous: Place): void {
  const { log, commit } = raft;
  const hint = log.newestAtMost(previous);
  const conflict = hint.index < commit ? log.placeOf(commit) : hint;
  answer(raft, request, { success: false, previous: previous.index, conflict });
}

function answer(raft: Raft, request: AppendEntries | InstallSnapshot, outcome: Outcome): void {
  post(raft, responseTo(raft, request, outcome));
}

function promise(raft: Raft, request: AppendEntries | InstallSnapshot, outcome: Outcome): void {
  const response = responseTo(raft, request, outcome);
  if (raft.disk.promise(response, raft.log)) raft.outbox.send(response);
}

function responseTo(
  { id: from, store, term }: Raft,
  request: AppendEntries | InstallSnapshot,
  outcome: Outcome,
): AppendEntriesResponse {
  const kind = 'append_entries_response';
  const round = roundOf(request, term);
  const { from: to } = request;
  const { success } = outcome;
  if (success) return { kind, from, store, to, term, round, success, match: outcome.match };
  const { previous, conflict } = outcome;
  return { kind, from, store, to, term, round, success, previous, conflict };
}

/** Rounds of reads are counted within a term: one of an earlier term, echoed in this, would confirm others. */
function roundOf(request: AppendEntries | InstallSnapshot, term: number): number {
  return request.kind === 'append_entries' && request.term === term ? request.round : NO_ROUND;
}
