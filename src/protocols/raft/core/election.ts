/**
 * Elections (Ongaro & Ousterhout 2014, §5.2, §5.4.1; pre-vote: dissertation §9.6; stickiness: §4.2.3).
 *
 * ```
 *   follower ──no leader for a timeout──▶ pre_candidate ──a majority would──▶ candidate ──a majority did──▶ leader
 *      ▲    └──────────told by its leader to take over────────────────────────▶ │                            │
 *      └───── a majority refuses, a leader speaks, or a higher term is seen ──────────────────────────────────┘
 * ```
 *
 * Who is not answered in time asks again whether it would win; so does, some milliseconds later, who split the vote
 * where nobody else alive could decide it.
 *
 * A vote is given to an id *with its store*: an emptied disk is another candidate. A core that the
 * members know under another store has forgotten what it promised, and grants nothing.
 */
import { isReplaced, isMember, nameOf, votersOf, type Member } from './configuration.ts';
import type { Place } from './entry.ts';
import { becomeLeader } from './leading.ts';
import type { RequestVote, RequestVoteResponse } from './messages.ts';
import { jointVote, type VoteResult } from './quorum.ts';
import {
  became,
  becomeFollower,
  drawDeadline,
  isEligible,
  post,
  refuseForwarded,
  settleAll,
  soon,
} from './roles.ts';
import {
  configurationOf,
  leaderOf,
  type Candidate,
  type PreCandidate,
  type Raft,
} from './state.ts';

/** It is time to ask: at first whether it would win. Who may not lead waits for another timeout. */
export function campaign(raft: Raft, why: string): void {
  if (!mayCampaign(raft)) return wait(raft);
  raft.question += 1;
  raft.role = { kind: 'pre_candidate', votes: new Map(), deadline: drawDeadline(raft) };
  raft.election = { why, term: raft.term + 1, at: raft.now };
  became(raft, why);
  refuseForwarded(raft);
  raft.role.votes.set(nameOf(raft), true);
  for (const to of otherVoters(raft)) raft.outbox.send(voteRequest(raft, to, { pre: true }));
  tally(raft, raft.role);
}

/** Raises the term and asks for votes; they count, with its own, once the term is on the disk. */
export function stand(raft: Raft, why: string, transfer: boolean): void {
  raft.question += 1;
  raft.term += 1;
  raft.vote = nameOf(raft);
  raft.disk.changeHardState();
  const ballot = raft.disk.nextSeq;
  raft.role = { kind: 'candidate', votes: new Map(), deadline: drawDeadline(raft), ballot };
  raft.election = { why, term: raft.term, at: raft.now };
  became(raft, why);
  refuseForwarded(raft);
  for (const to of otherVoters(raft))
    raft.disk.promise(voteRequest(raft, to, { pre: false, transfer }), raft.log);
}

/** It may lead: a voter whose disk answers, and whom nobody has told that it is none. */
export function mayCampaign(raft: Raft): boolean {
  const { disk, options, now } = raft;
  return isEligible(raft) && !disk.isStalled(now, options.timing.disk_patience);
}

/** The disk has the candidate's own vote. */
export function ballotPersisted(raft: Raft, seq: number): void {
  const { role } = raft;
  if (role.kind !== 'candidate' || role.ballot > seq) return;
  role.votes.set(nameOf(raft), true);
  tally(raft, role);
}

/** @returns whether a real request for a vote is one to raise the own term for */
export function raisesTerm(raft: Raft, message: RequestVote): boolean {
  return !message.pre && !isStale(raft, message) && !isUnwelcome(raft, message);
}

export function requestVote(raft: Raft, message: RequestVote): void {
  const refusal = REFUSALS.find(({ applies }) => applies(raft, message));
  if (refusal !== undefined) refuseVote(raft, message, refusal.why);
  else GRANTS[message.pre ? 'pre' : 'real'](raft, message);
}

/**
 * Only what this core asks just now is heard: a late answer may have been meant for the store that had its
 * id before, and that one is indeed no member any more.
 */
export function requestVoteResponse(raft: Raft, message: RequestVoteResponse): void {
  if (!isMember(configurationOf(raft), senderOf(message))) return;
  const ballot = ballotOf(raft, message);
  if (ballot === undefined) return;
  if (message.stale_member) return rest(raft);
  count(ballot, message);
  tally(raft, ballot);
}

interface VoteRefusal {
  readonly why: string;
  readonly applies: (raft: Raft, message: RequestVote) => boolean;
}

/** The first that applies is the reason given. */
const REFUSALS: readonly VoteRefusal[] = [
  { why: 'not a member any more', applies: isStale },
  { why: 'a leader is heard', applies: isUnwelcome },
  { why: 'the own disk was emptied', applies: isForgetful },
  { why: 'an older term', applies: isOlder },
  { why: 'the vote is given', applies: isTaken },
  { why: 'the log is behind', applies: ({ log }, { last }) => isNewer(log.last, last) },
];

/**
 * The configuration known to be committed has no such member, and the asker's log knows no better: it is
 * not newer than what is committed here, so whatever else it holds never will be.
 */
function isStale({ history, commit, log }: Raft, message: RequestVote): boolean {
  const { configuration } = history.at(commit);
  if (configuration.voters.length === 0 || isNewer(message.last, log.placeOf(commit))) return false;
  return !isMember(configuration, senderOf(message));
}

/** There is a leader, so there is nothing to decide: unless it hands over, or is suspected here too. */
function isUnwelcome(raft: Raft, { transfer }: RequestVote): boolean {
  return !transfer && hasLeader(raft);
}

function hasLeader(raft: Raft): boolean {
  const { role, options, now } = raft;
  const leader = leaderOf(raft);
  if (leader === undefined || raft.suspected.has(leader)) return false;
  return role.kind !== 'follower' || now - role.heard < options.timing.election.least;
}

/** It does not know what it promised: there are no members to its knowledge, or its store is not theirs. */
function isForgetful(raft: Raft): boolean {
  const configuration = configurationOf(raft);
  return configuration.voters.length === 0 || isReplaced(configuration, raft);
}

function isOlder({ term }: Raft, message: RequestVote): boolean {
  return message.pre ? message.term <= term : message.term < term;
}

function isTaken({ vote }: Raft, message: RequestVote): boolean {
  return !message.pre && vote !== '' && vote !== nameOf(senderOf(message));
}

/** More up to date: by term, then by length (§5.4.1). */
function isNewer(one: Place, other: Place): boolean {
  return one.term === other.term ? one.index > other.index : one.term > other.term;
}

const GRANTS: Record<'pre' | 'real', (raft: Raft, message: RequestVote) => void> = {
  /** Promises nothing; the term is the one that was asked about. */
  pre: (raft, message) => answer(raft, message, { granted: true, term: message.term }),
  real: (raft, message) => {
    raft.vote = nameOf(senderOf(message));
    raft.disk.changeHardState();
    if (raft.role.kind === 'follower') raft.role.deadline = drawDeadline(raft);
    answer(raft, message, { granted: true, term: raft.term });
  },
};

function refuseVote(raft: Raft, message: RequestVote, why: string): void {
  const { from: to, term } = message;
  raft.outbox.trace({ kind: 'refused_vote', to, term, why });
  answer(raft, message, { granted: false, term: raft.term });
}

function answer(
  raft: Raft,
  request: RequestVote,
  { granted, term }: { readonly granted: boolean; readonly term: number },
): void {
  post(raft, {
    kind: 'request_vote_response',
    from: raft.id,
    store: raft.store,
    to: request.from,
    asker: request.store,
    question: request.question,
    term,
    pre: request.pre,
    granted,
    stale_member: isStale(raft, request),
  });
}

type Ballot = PreCandidate | Candidate;

/**
 * What an answer is counted for: what this core asks just now, not what it asked in another term, nor what another
 * store asked that had its id before. A vote that store was given is given; counted again, it would be two.
 */
function ballotOf(raft: Raft, message: RequestVoteResponse): Ballot | undefined {
  const { role, store } = raft;
  if (!('votes' in role) || message.asker !== store) return undefined;
  return COUNTS[role.kind](raft, message) ? role : undefined;
}

const COUNTS: Record<Ballot['kind'], (raft: Raft, message: RequestVoteResponse) => boolean> = {
  // Terms do not tell one pre-vote from the next: who asks raises none, and who refuses names its own.
  pre_candidate: ({ question }, { pre, question: asked }) => pre && asked === question,
  candidate: ({ term }, { pre, term: theirs }) => !pre && theirs === term,
};

/** A voter's first answer counts, and only once. */
function count({ votes }: Ballot, message: RequestVoteResponse): void {
  const name = nameOf(senderOf(message));
  if (!votes.has(name)) votes.set(name, message.granted);
}

function tally(raft: Raft, role: Ballot): void {
  const result = jointVote(configurationOf(raft), (member) => role.votes.get(nameOf(member)));
  TALLIED[result](raft, role);
}

const TALLIED: Record<VoteResult, (raft: Raft, role: Ballot) => void> = {
  won: (raft, role) => WON[role.kind](raft),
  lost: (raft) => becomeFollower(raft, undefined, 'a majority refused'),
  pending: (raft, role) => {
    // Who is refused when it asks whether it would win has reason to wait.
    if (role.kind === 'candidate' && isSplit(raft, role))
      role.deadline = Math.min(role.deadline, soon(raft));
  },
};

/** Others stood at the same time, and whoever could still decide between them is thought dead. */
function isSplit(raft: Raft, { votes }: Candidate): boolean {
  const voteOf = (member: Member): boolean | undefined =>
    votes.get(nameOf(member)) ?? (raft.suspected.has(member.id) ? false : undefined);
  return jointVote(configurationOf(raft), voteOf) === 'lost';
}

const WON: Record<Ballot['kind'], (raft: Raft) => void> = {
  pre_candidate: (raft) => stand(raft, raft.election?.why ?? '', false),
  candidate: becomeLeader,
};

function wait(raft: Raft): void {
  const follower = becomeFollower(raft, undefined, 'it may not lead');
  follower.deadline = drawDeadline(raft);
}

/** Not a member any more: what waits here will not be heard of, and nobody is to be disturbed. */
function rest(raft: Raft): void {
  raft.stale = true;
  settleAll(raft, raft.waiting.abandon());
  const follower = becomeFollower(raft, undefined, 'not a member any more');
  follower.deadline = Number.POSITIVE_INFINITY;
}

function otherVoters(raft: Raft): readonly string[] {
  return [...votersOf(configurationOf(raft)).keys()].filter((id) => id !== raft.id);
}

function voteRequest(
  raft: Raft,
  to: string,
  { pre, transfer = false }: { readonly pre: boolean; readonly transfer?: boolean },
): RequestVote {
  const { id, store, log, question } = raft;
  const { term, index } = log.last;
  const asked = pre ? raft.term + 1 : raft.term;
  const last = { term, index };
  return { kind: 'request_vote', from: id, store, to, term: asked, question, pre, transfer, last };
}

function senderOf({ from, store }: { readonly from: string; readonly store: string }) {
  return { id: from, store };
}
