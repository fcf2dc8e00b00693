/**
 * Changes of members (§6): one at a time, through a joint configuration unless only learners change, and
 * judged before anything is appended, for what is appended is in force. The way out of the joint
 * configuration is `leading.ts`'s: it follows by itself once the joint one is committed, under whichever
 * leader. A change is settled when its own entry is.
 *
 * A leader that has committed nothing in its term yet may not know the newest configuration, and two
 * leaders' changes would then not see each other: it has to wait (Ongaro, raft-dev, 2015).
 */
import { appendOwn } from './appending.ts';
import { enter, isJoint, isValid, isVoter, type Member } from './configuration.ts';
import type { Refusal, WantedMembers } from './input.ts';
import type { Progress } from './progress.ts';
import { refuse } from './roles.ts';
import { configurationOf, type Leader, type Raft } from './state.ts';
import { isRecent } from './transfer.ts';

export function change(raft: Raft, leader: Leader, id: number, wanted: WantedMembers): void {
  const refusal = REFUSALS.find(({ applies }) => applies(raft, leader, wanted));
  if (refusal !== undefined) return refuse(raft, id, refusal.reason);
  const configuration = enter(configurationOf(raft), wanted);
  const frame = raft.options.frames.configuration(configuration);
  raft.waiting.add(id, appendOwn(raft, leader, frame, configuration));
}

interface ChangeRefusal {
  readonly reason: Refusal;
  readonly applies: (raft: Raft, leader: Leader, wanted: WantedMembers) => boolean;
}

const REFUSALS: readonly ChangeRefusal[] = [
  { reason: 'change_pending', applies: isPending },
  { reason: 'invalid_members', applies: (_raft, _leader, wanted) => !isValid(wanted) },
  { reason: 'not_caught_up', applies: isTooEarly },
];

function isPending({ history, commit }: Raft, { termStart }: Leader): boolean {
  const { index, configuration } = history.current;
  return index > commit || isJoint(configuration) || commit < termStart;
}

/** Some new voter would first have to be brought up to date, and commits would wait for it. */
function isTooEarly(raft: Raft, leader: Leader, { voters }: WantedMembers): boolean {
  const current = configurationOf(raft);
  return voters.some((voter) => !isVoter(current, voter) && !isCaughtUp(raft, leader, voter));
}

/**
 * A learner that has almost everything; and in any case the members that name it: one that does not know yet
 * that it is a member votes for nobody, and the new majority might need it.
 */
function isCaughtUp(raft: Raft, leader: Leader, member: Member): boolean {
  const { log, history, options } = raft;
  const known = heardOf(raft, leader, member);
  if (known === undefined) return false;
  const lag = log.last.index - known.match;
  return lag <= options.bounds.promotion_lag && known.match >= history.current.index;
}

/** The member with this very store, if it answers: one whose disk was lost never will, and would be counted. */
function heardOf(raft: Raft, { progress }: Leader, { id, store }: Member): Progress | undefined {
  const known = progress.get(id);
  return known?.store === store && isRecent(raft, known) ? known : undefined;
}
