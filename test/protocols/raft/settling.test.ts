import { expect, test } from 'vitest';
import { proposedOf, Settling } from '../../../src/protocols/raft/settling.ts';

test('who comes when nobody is answered any more is told so at once', async () => {
  const settling = new Settling(0);
  const { settled } = settling.enter(proposedOf);
  settling.end();
  expect(await settled).toEqual({ kind: 'unknown' });
  expect(await settling.enter(proposedOf).settled).toEqual({ kind: 'unknown' });
  expect(await settling.whenApplied(7, 1)).toEqual({ kind: 'unknown' });
  expect(settling.isEmpty).toBe(true);
});
