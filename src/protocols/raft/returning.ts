/**
 * Coming back to a group with another store: the node belongs to it, but the store it belonged with is gone.
 *
 * ```
 *  not a voter of the group ── asked once a round, of the others in turn ──▶ learner ─ caught up ─▶ voter
 * ```
 *
 * One question is one step: the answer of whoever leads is nothing to wait for, since the group's own log
 * says how far it came. Where nobody leads, the question has woken the group, and it is asked again.
 */
import type { GroupId } from '../../log/group.ts';
import type { Member } from '../../log/members.ts';
import type { Milliseconds } from '../../log/time.ts';
import { RETURN_TOPIC } from './admitting.ts';
import { type Exchange, NOT_UNDERSTOOD, UNKNOWN_GROUP } from './exchange.ts';

/** How long a node may take to wake a group and answer for it. */
const ANSWER_MS: Milliseconds = 2_000;

export interface ReturningOptions {
  readonly exchange: Pick<Exchange, 'ask'>;
  readonly self: Member;
  readonly group: GroupId;
  /** The others that take part in the group. */
  readonly others: readonly string[];
}

/** What the last of them said that was asked: whoever leads, where one of them does. */
export interface ReturningAnswer {
  readonly from: string;
  readonly verdict: string;
  readonly detail: string;
}

export async function askToReturn(options: ReturningOptions): Promise<ReturningAnswer> {
  let last: ReturningAnswer = { from: 'nobody', verdict: 'silence', detail: '' };
  for (const other of options.others) {
    last = await askOne(other, options).catch(() => last);
    if (!KEEP_ASKING.includes(last.verdict)) return last;
  }
  return last;
}

const WITHOUT_DETAIL = [UNKNOWN_GROUP, NOT_UNDERSTOOD];
/** What is said by a node that follows, or has not come to the group yet. */
const KEEP_ASKING = ['leader', 'silence', ...WITHOUT_DETAIL];

async function askOne(
  from: string,
  { exchange, self, group }: ReturningOptions,
): Promise<ReturningAnswer> {
  const values = [{ voters: [self], outgoing: [], learners: [] }];
  const answer = await exchange.ask(from, { group, topic: RETURN_TOPIC, values }, ANSWER_MS);
  const verdict = answer.text();
  return { from, verdict, detail: WITHOUT_DETAIL.includes(verdict) ? '' : answer.text() };
}
