import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppliedIndex, WAITERS_MAX } from '../../src/api/applied-index.ts';
import { type Parked, PARKED_MAX, ParkedClaims } from '../../src/api/parked-claims.ts';
import { claimerOf } from '../../src/projections/work-queue/shape.ts';
import { CLAIM_FILTER } from '../../src/projections/work-queue/work-item.ts';
import { realClock } from '../../src/real-clock.ts';
import { type RunningNode, startNode } from './running-node.ts';

let node: RunningNode;
beforeEach(async () => {
  node = await startNode();
});
afterEach(() => node.stop());

function write(): Promise<unknown> {
  const data = { name: 'l', owner: 'o', ttl_seconds: 30, lock_delay_seconds: 0 };
  return node.group.propose({ type: 'acquire_lock', data }, 'dispatch');
}

test('whoever waits for an index is told when it is applied, and not before', async () => {
  const applied = new AppliedIndex(node.group, realClock);
  const { index } = node.group.machine.position;
  const told: number[] = [];
  const waits = [3, 1, 2].map(async (ahead) => {
    const waited = await applied.reaches({ index: index + ahead, within: 120_000 });
    told.push(ahead);
    return waited;
  });
  for (let n = 0; n < 3; n++) await write();
  expect(await Promise.all(waits)).toEqual(['reached', 'reached', 'reached']);
  expect(told).toEqual([1, 2, 3]);
});

test('what is applied already is not waited for, and no wait outlasts its time or its caller', async () => {
  const applied = new AppliedIndex(node.group, realClock);
  const gone = new AbortController();
  const leaving = applied.reaches({ index: 99, within: 60_000, signal: gone.signal });
  gone.abort();
  expect(await leaving).toBe('late');
  expect(await applied.reaches({ index: 1, within: 0 })).toBe('reached');
  expect(await applied.reaches({ index: 99, within: 5 })).toBe('late');
});

test('I8: so many may wait for an index, and no more', async () => {
  const applied = new AppliedIndex(node.group, realClock);
  const wait = { index: 99, within: 60_000 };
  const waits = Array.from({ length: WAITERS_MAX }, () => applied.reaches(wait));
  expect(await applied.reaches(wait)).toBe('crowded');
  applied.stop();
  expect(new Set(await Promise.all(waits))).toEqual(new Set(['stopped']));
  expect(await applied.reaches(wait)).toBe('stopped');
});

test('I8: so many claims may be parked, and no more', async () => {
  const claims = new ParkedClaims(node.group, realClock);
  const { tables } = node.group.machine;
  const claimer = claimerOf(tables, 'n', CLAIM_FILTER.parse({}));
  const park = (): Promise<Parked> =>
    claims.park({ claimer, within: 60_000, signal: new AbortController().signal });
  const parked = Array.from({ length: PARKED_MAX }, park);
  expect(await park()).toBe('crowded');
  expect(claims.size).toBe(PARKED_MAX);
  claims.stop();
  expect(new Set(await Promise.all(parked))).toEqual(new Set(['stopped']));
  expect(claims.size).toBe(0);
});
