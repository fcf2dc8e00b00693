/**
 * When something is known to be wrong: a peer that another source calls dead, a disk that failed.
 *
 * A suspicion changes no term. Who suspects its leader asks soon whether it would win, and it would only
 * if a majority suspects the leader too, or has not heard it either.
 */
import { membersOf } from './configuration.ts';
import type { Input } from './input.ts';
import { becomeFollower, isEligible, settleAll, soon } from './roles.ts';
import { configurationOf, leaderOf, type Raft } from './state.ts';
import { resign } from './transfer.ts';

type Suspect = Extract<Input, { readonly kind: 'suspect' }>;

export function suspect(raft: Raft, { peer, dead }: Suspect): void {
  raft.suspected.delete(peer);
  if (!dead || !isKnown(raft, peer)) return;
  raft.suspected.add(peer);
  if (leaderOf(raft) === peer) askSoon(raft);
}

/** Nothing of this core is acknowledged any more. A leader names a successor, if it can, and goes. */
export function withdraw(raft: Raft): void {
  raft.disk.fail();
  if (raft.role.kind === 'leader') return resign(raft, raft.role, 'its disk failed');
  settleAll(raft, raft.waiting.abandon());
  const follower = becomeFollower(raft, undefined, 'its disk failed');
  follower.deadline = Number.POSITIVE_INFINITY;
}

function askSoon(raft: Raft): void {
  const { role } = raft;
  if (role.kind !== 'follower') return;
  role.quiesced = false;
  if (isEligible(raft)) role.deadline = Math.min(role.deadline, soon(raft));
}

/** Somebody else, of whom this core has heard: so the suspected are no more than the members. */
function isKnown(raft: Raft, peer: string): boolean {
  if (peer === raft.id) return false;
  return leaderOf(raft) === peer || membersOf(configurationOf(raft)).has(peer);
}
