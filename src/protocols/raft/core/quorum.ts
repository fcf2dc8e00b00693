/**
 * What a majority says: two questions, asked of one set of voters or of the two sets of a joint
 * configuration, where both majorities must agree (Ongaro & Ousterhout 2014, §6).
 *
 * ```
 *  reached   7  5  4        the majority has reached 5: sorted downwards, the mark in the middle
 *  votes     ✓  ✗  ·        pending: one more decides it
 * ```
 */
import type { Configuration, Member } from './configuration.ts';

export type VoteResult = 'won' | 'lost' | 'pending';

/** @returns the greatest mark that a majority has reached; infinite without voters, who bind nobody */
export function majorityReached(
  voters: readonly Member[],
  markOf: (member: Member) => number,
): number {
  const marks = voters.map(markOf).sort(downwards);
  return marks[voters.length >> 1] ?? Number.POSITIVE_INFINITY;
}

/** @returns the greatest mark that both majorities have reached */
export function jointReached(
  { voters, outgoing }: Configuration,
  markOf: (member: Member) => number,
): number {
  const incoming = majorityReached(voters, markOf);
  return outgoing.length === 0 ? incoming : Math.min(incoming, majorityReached(outgoing, markOf));
}

/** @param voteOf true: granted, false: refused, undefined: not known yet */
export function majorityVote(
  voters: readonly Member[],
  voteOf: (member: Member) => boolean | undefined,
): VoteResult {
  if (voters.length === 0) return 'won';
  const votes = voters.map(voteOf);
  const majority = (voters.length >> 1) + 1;
  if (votes.filter((vote) => vote === true).length >= majority) return 'won';
  const refused = votes.filter((vote) => vote === false).length;
  return voters.length - refused < majority ? 'lost' : 'pending';
}

export function jointVote(
  { voters, outgoing }: Configuration,
  voteOf: (member: Member) => boolean | undefined,
): VoteResult {
  const results = [majorityVote(voters, voteOf), majorityVote(outgoing, voteOf)];
  if (results.includes('lost')) return 'lost';
  return results.includes('pending') ? 'pending' : 'won';
}

function downwards(left: number, right: number): number {
  return right - left;
}
