/** Why a core does not change its members or hand over, in words for people and codes for programs. */
import type { ChangeRefusal, ConfigurationChange } from '../engine.ts';
import type { Refusal } from './core/input.ts';
import type { Settlement } from './settling.ts';

interface Words {
  readonly code: ChangeRefusal;
  readonly reason: string;
}

const WORDS: Readonly<Record<Refusal, Words>> = {
  not_leader: { code: 'no-leader', reason: 'the node that was asked leads no more; ask again' },
  no_leader: { code: 'no-leader', reason: 'nobody leads at the moment' },
  transferring: { code: 'busy', reason: 'leadership is being handed over already' },
  uncommitted_full: { code: 'busy', reason: 'too much waits to be committed' },
  disk_failed: { code: 'no-leader', reason: 'the disk of the leader does not answer' },
  change_pending: {
    code: 'busy',
    reason: 'another change is under way, or the leader is new; ask again in a moment',
  },
  invalid_members: {
    code: 'invalid',
    reason: 'there are 1 to 7 voters and up to 16 learners, each named once',
  },
  unknown_member: {
    code: 'unknown-member',
    reason: 'only a voter that takes part can take over',
  },
  not_caught_up: {
    code: 'not-caught-up',
    reason: 'a new voter has to be a learner first, hold almost everything, and answer',
  },
};

const IN_DOUBT: Words = {
  code: 'unknown',
  reason: 'it may have been done; look before you repeat',
};

/** What became of a change or a transfer that a core was asked for. */
export function changeOf(settlement: Settlement): ConfigurationChange {
  if (settlement.kind === 'applied') return { kind: 'changed', index: settlement.index };
  return {
    kind: 'refused',
    ...(settlement.kind === 'refused' ? WORDS[settlement.reason] : IN_DOUBT),
  };
}
