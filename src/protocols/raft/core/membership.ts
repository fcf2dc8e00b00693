/**
 * Changes of members (§6): one at a time, through a joint configuration unless only learners change, and
 * judged before anything is appended, for what is appended is in force. The way out of the joint
 * configuration is `leading.ts`'s: it follows by itself once the joint one is committed, under whichever
 * leader. A change is settled when its own entry is.
 *
 * ```
 *   asked for ──judged──▶ a round is out ──every new voter answered it──▶ judged again, appended
 *       └── no new voter ──▶ appended   └── one election timeout ──▶ refused
 * ```
 *
 * New voters are waited for, because a learner whose disk was just lost would be counted from then on and
 * never answer: of one voter and one learner it would make two voters that can do nothing.
 *
 * A leader that has committed nothing in its term yet may not know the newest configuration, and two
 * leaders' changes would then not see each other: it has to wait (Ongaro, raft-dev, 2015).
 */
import { appendOwn, unfitness } from './appending.ts';
import { enter, isJoint, isValid, isVoter, type Member } from './configuration.ts';
import type { Refusal, WantedMembers } from './input.ts';
import type { Progress } from './progress.ts';
import { refuse } from './roles.ts';
import { configurationOf, type Leader, type Promotion, type Raft } from './state.ts';

type Change = Pick<Promotion, 'id' | 'wanted'>;

export function change(raft: Raft, leader: Leader, { id, wanted }: Change): void {
  const refusal = refusalOf(raft, leader, wanted);
  if (refusal !== undefined) return refuse(raft, id, refusal);
  const deadline = raft.now + raft.options.timing.election.most;
  leader.promotion = { id, wanted, round: leader.reads.begin(), deadline };
  promoteWhenAnswered(raft, leader);
}

/** Somebody answered, maybe; meanwhile the leader may have become unfit, and a learner another one. */
export function promoteWhenAnswered(raft: Raft, leader: Leader): void {
  const { promotion } = leader;
  if (promotion === undefined || isAwaiting(raft, leader, promotion)) return;
  leader.promotion = undefined;
  const { id, wanted } = promotion;
  const refusal = refusalOf(raft, leader, wanted);
  if (refusal !== undefined) return refuse(raft, id, refusal);
  const configuration = enter(configurationOf(raft), wanted);
  const frame = raft.options.frames.configuration(configuration);
  raft.waiting.add(id, appendOwn(raft, leader, frame, configuration));
}

export function giveUpPromotion(raft: Raft, leader: Leader): void {
  const { promotion } = leader;
  if (promotion === undefined || raft.now < promotion.deadline) return;
  leader.promotion = undefined;
  refuse(raft, promotion.id, 'not_caught_up');
}

function refusalOf(raft: Raft, leader: Leader, wanted: WantedMembers): Refusal | undefined {
  const unfit = unfitness(raft, leader);
  return unfit ?? REFUSALS.find(({ applies }) => applies(raft, leader, wanted))?.reason;
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

function isPending({ history, commit }: Raft, { termStart, promotion }: Leader): boolean {
  const { index, configuration } = history.current;
  const isOpen = index > commit || isJoint(configuration) || commit < termStart;
  return isOpen || promotion !== undefined;
}

/** Some new voter would first have to be brought up to date, and commits would wait for it. */
function isTooEarly(raft: Raft, leader: Leader, wanted: WantedMembers): boolean {
  return newVoters(raft, wanted).some((voter) => !isCaughtUp(raft, leader, voter));
}

/**
 * A learner that has almost everything; and in any case the members that name it: one that does not know yet
 * that it is a member votes for nobody, and the new majority might need it.
 */
function isCaughtUp({ log, history, options }: Raft, leader: Leader, member: Member): boolean {
  const known = progressOf(leader, member);
  if (known === undefined) return false;
  const lag = log.last.index - known.match;
  return lag <= options.bounds.promotion_lag && known.match >= history.current.index;
}

function isAwaiting(raft: Raft, leader: Leader, { wanted, round }: Promotion): boolean {
  return newVoters(raft, wanted).some((voter) => hasNotAnswered(progressOf(leader, voter), round));
}

/** One that takes part no more is not awaited: it is judged. */
function hasNotAnswered(known: Progress | undefined, round: number): boolean {
  return known !== undefined && known.round < round;
}

function newVoters(raft: Raft, { voters }: WantedMembers): readonly Member[] {
  const current = configurationOf(raft);
  return voters.filter((voter) => !isVoter(current, voter));
}

/** Of the member with this very store. */
function progressOf({ progress }: Leader, { id, store }: Member): Progress | undefined {
  const known = progress.get(id);
  return known?.store === store ? known : undefined;
}
