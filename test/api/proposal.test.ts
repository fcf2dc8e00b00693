import { expect, test } from 'vitest';
import { ledTo } from '../../src/api/proposal.ts';

const PLACE = { index: 673, term: 2, replayed: false } as const;

function tokenOf(...facts: readonly { readonly type: string; readonly token?: number }[]): unknown {
  const led = ledTo({ kind: 'applied', facts }, PLACE);
  return led.kind === 'written' ? led.written.token : 'refused';
}

test('I5: a claim of an item whose last claim is over is answered with its own token, not with the old one', () => {
  const expired = { type: 'work_expired', token: 289 };
  const claimed = { type: 'work_claimed', token: 673 };
  expect(tokenOf(expired, claimed)).toBe(673);
});

test('a command that grants nothing is answered without a token', () => {
  expect(tokenOf({ type: 'work_added' })).toBeUndefined();
});
