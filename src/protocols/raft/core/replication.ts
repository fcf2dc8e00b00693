/**
 * How a leader sends its log (§5.3), to each follower by what it knows of it (`progress.ts`). Messages are
 * made when effects are taken, so that what one turn appended leaves together; an empty message is a
 * heartbeat, a probe, a read round, or the news that something is committed.
 *
 * Two messages on their way keep a follower busy: its disk works on one while the next waits. What is appended
 * meanwhile gathers, as the disk's batches do, so that the more there is to do, the less each entry costs. And news
 * of commits ride with entries; alone they leave at once where there was none of late, and seldom under load.
 */
import type { Entry, Place } from './entry.ts';
import type { Input } from './input.ts';
import type { AppendEntriesResponse } from './messages.ts';
import type { Progress } from './progress.ts';
import { isEased } from './quiescence.ts';
import type { Leader, Raft } from './state.ts';
import { isRecent, proceed } from './transfer.ts';

/** Before every log; it matches everywhere. */
const ORIGIN: Place = { term: 0, index: 0 };

const HEARTBEAT: readonly Entry[] = [];

interface Recipient {
  readonly to: string;
  readonly progress: Progress;
}

/** Everything there is to say to anybody now. */
export function replicate(raft: Raft, leader: Leader): void {
  for (const [to, progress] of leader.progress) sendEntries(raft, leader, { to, progress });
  for (const [to, progress] of leader.progress)
    if (mustSpeak(leader, progress)) sendEmpty(raft, leader, { to, progress });
  tellCommit(raft, leader);
}

/** Alone, and not too often. */
function tellCommit(raft: Raft, leader: Leader): void {
  const untold = [...leader.progress].filter(([, progress]) => lacksCommit(raft, progress));
  leader.isUntold = untold.length > 0;
  if (!leader.isUntold || raft.now < leader.newsFrom) return;
  for (const [to, progress] of untold) sendEmpty(raft, leader, { to, progress });
  leader.newsFrom = raft.now + raft.options.timing.news;
  leader.isUntold = false;
}

/** Up to where all have the log to whom it is sent: none of them will ask for that. */
export function heldByAll(raft: Raft, leader: Leader): number {
  let least = Number.POSITIVE_INFINITY;
  for (const progress of leader.progress.values())
    if (isSentTo(raft, progress)) least = Math.min(least, progress.match);
  return least;
}

/** In step, or about to be. Who was not heard for long asks of the disk when it is back. */
function isSentTo(raft: Raft, progress: Progress): boolean {
  const { kind } = progress.state;
  return kind === 'replicate' || (kind === 'probe' && isRecent(raft, progress));
}

export function appendResponse(raft: Raft, message: AppendEntriesResponse): void {
  const known = knownAs(raft, message.from);
  if (known === undefined || !isOfNow(raft, known.progress, message)) return;
  const { leader, progress } = known;
  progress.lastContact = raft.now;
  progress.round = Math.max(progress.round, message.round);
  if (message.success) matched(raft, leader, progress, message.match);
  else progress.rejected(message.previous, raft.log.newestAtMost(message.conflict).index);
  proceed(raft, leader);
}

type Fetched = Extract<Input, { readonly kind: 'fetched' }>;

/** Old entries came from the disk: they leave, if they are still the next ones. */
export function fetched(raft: Raft, { peer, from, entries }: Fetched): void {
  const known = knownAs(raft, peer);
  if (known === undefined) return;
  const { leader, progress } = known;
  progress.fetching = false;
  if (progress.next === from && !progress.isPaused(raft.options.bounds))
    sendFetched(raft, leader, { to: peer, progress }, entries);
}

type SnapshotSent = Extract<Input, { readonly kind: 'snapshot_sent' }>;

export function snapshotSent(raft: Raft, { peer, index, ok }: SnapshotSent): void {
  const known = knownAs(raft, peer);
  if (known?.progress.state.kind !== 'snapshot') return;
  if (ok) known.progress.probe(index + 1);
  else known.progress.snapshotFailed();
}

export function unreachable(raft: Raft, peer: string): void {
  knownAs(raft, peer)?.progress.lost();
}

/** An answer of this term, by the store that is a member. */
function isOfNow({ term }: Raft, { store }: Progress, message: AppendEntriesResponse): boolean {
  return message.term === term && message.store === store;
}

/** What a leader knows of a follower. */
function knownAs({ role: leader }: Raft, peer: string) {
  if (leader.kind !== 'leader') return undefined;
  const progress = leader.progress.get(peer);
  return progress && { leader, progress };
}

/** A follower's disk has the log up to here. Numbers that cannot be are not heard. */
function matched(raft: Raft, leader: Leader, progress: Progress, match: number): void {
  if (match > raft.log.last.index) return;
  if (progress.accepted(match)) leader.recount = true;
}

function sendEntries(raft: Raft, leader: Leader, recipient: Recipient): void {
  const { progress } = recipient;
  while (progress.next <= sendable(raft) && maySend(raft, progress))
    sendNext(raft, leader, recipient);
}

function sendable({ log, disk }: Raft): number {
  return disk.sendable(log.last.index);
}

function maySend(raft: Raft, progress: Progress): boolean {
  const { bounds } = raft.options;
  if (progress.isPaused(bounds)) return false;
  return !progress.gathers(bounds) || isFull(raft, progress.next);
}

/** Whether the entries from `next` on fill a message. Those that are on the disk only are asked for at once. */
function isFull({ log, options }: Raft, next: number): boolean {
  const { message_entries: entries, message_bytes: bytes } = options.bounds;
  const { index: last } = log.last;
  if (next < log.inMemoryFrom || last - next + 1 >= entries) return true;
  return log.bytesBetween(next - 1, last) >= bytes;
}

/** From memory; or the disk is asked; or, if it no longer has them, a snapshot goes instead. */
function sendNext(raft: Raft, leader: Leader, recipient: Recipient): void {
  const { log, options, outbox } = raft;
  const { to, progress } = recipient;
  const { message_bytes: bytes, message_entries: most } = options.bounds;
  if (placeBefore(raft, progress.next) === undefined)
    return awaitSnapshot(raft, recipient, log.floor.index);
  const entries = Math.min(most, sendable(raft) - progress.next + 1);
  if (progress.next >= log.inMemoryFrom)
    return sendThese(raft, leader, recipient, log.slice(progress.next, { entries, bytes }));
  // Where the logs part is asked without reading what may not be needed.
  if (progress.state.kind === 'probe') return sendThese(raft, leader, recipient, HEARTBEAT);
  progress.fetching = true;
  outbox.fetch({ peer: to, from: progress.next, bytes });
}

function sendFetched(
  raft: Raft,
  leader: Leader,
  recipient: Recipient,
  entries: readonly Entry[],
): void {
  if (entries.length === 0) awaitSnapshot(raft, recipient, recipient.progress.next);
  else if (isOwn(raft, entries)) sendThese(raft, leader, recipient, cut(raft, entries));
}

/** As many as may share a message, but at least one. */
function cut({ options }: Raft, entries: readonly Entry[]): readonly Entry[] {
  const { message_entries: most, message_bytes: room } = options.bounds;
  let bytes = 0;
  const tooMany = entries.findIndex(({ frame }, count) => {
    bytes += frame.length;
    return count === most || bytes > room;
  });
  return tooMany === -1 ? entries : entries.slice(0, Math.max(tooMany, 1));
}

function sendThese(
  raft: Raft,
  leader: Leader,
  recipient: Recipient,
  entries: readonly Entry[],
): void {
  const previous = placeBefore(raft, recipient.progress.next) ?? ORIGIN;
  send(raft, leader, recipient, { previous, entries });
  const bytes = entries.reduce((sum, { frame }) => sum + frame.length, 0);
  recipient.progress.sent(previous.index + entries.length, bytes);
}

function awaitSnapshot({ outbox }: Raft, { to, progress }: Recipient, atLeast: number): void {
  progress.awaitSnapshot(atLeast);
  outbox.needSnapshot(to, atLeast);
}

function mustSpeak({ reads }: Leader, progress: Progress): boolean {
  return progress.beatDue || progress.toldRound < reads.newest;
}

function lacksCommit({ commit }: Raft, { state, toldCommit }: Progress): boolean {
  return state.kind === 'replicate' && toldCommit < commit;
}

/** To who waits for a snapshot, only that there is a leader. */
function sendEmpty(raft: Raft, leader: Leader, recipient: Recipient): void {
  const previous = placeBefore(raft, recipient.progress.next);
  if (previous === undefined && recipient.progress.state.kind !== 'snapshot')
    awaitSnapshot(raft, recipient, raft.log.floor.index);
  send(raft, leader, recipient, { previous: previous ?? ORIGIN, entries: HEARTBEAT });
}

function send(
  raft: Raft,
  leader: Leader,
  { to, progress }: Recipient,
  { previous, entries }: { readonly previous: Place; readonly entries: readonly Entry[] },
): void {
  const { id, store, term, commit, outbox } = raft;
  const round = leader.reads.newest;
  outbox.send({
    kind: 'append_entries',
    from: id,
    store,
    to,
    term,
    previous,
    entries,
    commit,
    round,
    quiesce: leader.quiesced,
    eased: isEased(raft, leader),
  });
  progress.toldRound = round;
  progress.toldCommit = commit;
  progress.beatDue = false;
}

/** Undefined: compacted. */
function placeBefore({ log }: Raft, next: number): Place | undefined {
  const term = log.termOf(next - 1);
  return typeof term === 'number' ? { term, index: next - 1 } : undefined;
}

/** What was read is of this log, and not of one that was taken back since: the same end, the same all. */
function isOwn({ log }: Raft, entries: readonly Entry[]): boolean {
  const last = entries.at(-1);
  return last !== undefined && log.termOf(last.index) === last.term;
}
