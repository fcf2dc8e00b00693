/**
 * Messages of other cores (§5.1): those that are not for this one or that do not count are dropped, higher
 * terms are adopted, and each kind has its rule, which may assume `message.term <= term` (a pre-vote,
 * which speaks of a term that nobody has yet, aside).
 */
import { appendEntries, installSnapshot } from './following.ts';
import { readIndex, readIndexResponse } from './asking.ts';
import { isMember } from './configuration.ts';
import { dispatch, type Rules } from './dispatch.ts';
import { mayCampaign, raisesTerm, requestVote, requestVoteResponse, stand } from './election.ts';
import type { Input } from './input.ts';
import type { Message, TimeoutNow } from './messages.ts';
import { stir, stirs } from './quiescence.ts';
import { appendResponse } from './replication.ts';
import { adoptTerm } from './roles.ts';
import { configurationOf, type Raft } from './state.ts';

type Received = Extract<Input, { readonly kind: 'message' }>;

export function receive(raft: Raft, { message }: Received): void {
  if (isDeaf(raft, message)) return;
  raft.suspected.delete(message.from);
  if (stirs(raft, message)) stir(raft);
  if (message.term > raft.term) considerTerm(raft, message);
  dispatch<Message>(RULES, raft, message);
}

const RULES: Rules<Message> = {
  request_vote: requestVote,
  request_vote_response: requestVoteResponse,
  append_entries: appendEntries,
  append_entries_response: appendResponse,
  install_snapshot: installSnapshot,
  timeout_now: timeoutNow,
  read_index: readIndex,
  read_index_response: readIndexResponse,
};

/**
 * What is for somebody else, or an echo, is not heard. With a failed disk nothing is, for no promise could
 * be kept; only a leader still sees its successor through.
 */
function isDeaf({ id, disk, role }: Raft, { from, to }: Message): boolean {
  return to !== id || from === id || (disk.failed && role.kind !== 'leader');
}

function considerTerm(raft: Raft, message: Message): void {
  const raises = RAISES[message.kind] ?? always;
  if (raises(raft, message)) adoptTerm(raft, message.term);
}

const always = (): boolean => true;

/** Whether a higher term is adopted. Answers count from members only; a pre-vote raises nothing. */
const RAISES: { readonly [Kind in Message['kind']]?: (raft: Raft, message: Message) => boolean } = {
  request_vote: (raft, message) => message.kind === 'request_vote' && raisesTerm(raft, message),
  request_vote_response: (raft, message) => !isPromise(message) && isFromMember(raft, message),
  append_entries_response: isFromMember,
};

/** A granted pre-vote names the term that was asked about. */
function isPromise(message: Message): boolean {
  return message.kind === 'request_vote_response' && message.pre && message.granted;
}

function isFromMember(raft: Raft, { from: id, store }: Message): boolean {
  return isMember(configurationOf(raft), { id, store });
}

/** Leadership is handed to this core. */
function timeoutNow(raft: Raft, { term }: TimeoutNow): void {
  if (term !== raft.term || raft.role.kind !== 'follower') return;
  if (mayCampaign(raft)) stand(raft, 'leadership was handed to it', true);
}
