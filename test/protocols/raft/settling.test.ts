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

test('whoever waits for an entry is told when it is applied, and not before', async () => {
  const settling = new Settling(3);
  const told: number[] = [];
  const waiting = [5, 7, 6].map(async (index) => {
    const settlement = await settling.whenApplied(index, 1);
    expect(settlement).toEqual({ kind: 'applied', index, term: 1 });
    told.push(index);
  });
  const after: number[][] = [];
  for (const index of [4, 5, 6, 7]) {
    settling.applied(index);
    await Promise.resolve();
    await Promise.resolve();
    after.push([...told]);
  }
  expect(after).toEqual([[], [5], [5, 6], [5, 6, 7]]);
  await Promise.all(waiting);
  expect(settling.isEmpty).toBe(true);
});
