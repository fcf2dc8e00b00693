import { expect, test } from 'vitest';
import type { Input } from '../../../src/protocols/raft/core/input.ts';
import { Exchange } from '../../../src/protocols/raft/exchange.ts';
import { SnapshotSending } from '../../../src/protocols/raft/snapshot-sending.ts';
import { breathe } from '../../../src/real-clock.ts';
import { until } from '../../end-to-end/condition.ts';
import { MAIN, openedLog, temporaryDirectory } from '../../log/fixtures.ts';
import { VirtualClock } from '../virtual-clock.ts';

/** A leader that has no snapshot and cannot take one. */
async function failing() {
  const clock = new VirtualClock();
  const told: Input[] = [];
  const errors: unknown[] = [];
  const sending = new SnapshotSending({
    log: await openedLog(await temporaryDirectory()),
    group: MAIN,
    exchange: new Exchange({ nodeId: 'n1', clock, breathe, onNoise: () => undefined }),
    clock,
    takeSnapshot: () => Promise.reject(new Error('no room')),
    host: { status: () => ({ term: 1 }) },
    step: (input) => told.push(input),
    onError: (error) => errors.push(error),
  });
  sending.send('n2', 40);
  await until('it has failed, and rests', () => errors.length === 1 && clock.waiting === 1);
  return { clock, told, errors, sending };
}

test('a snapshot that did not arrive is tried again after a second, not with every heartbeat', async () => {
  const { clock, told, errors, sending } = await failing();
  await clock.advance(999);
  sending.send('n2', 40);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual([{ kind: 'snapshot_sent', peer: 'n2', index: 0, ok: false }]);
  sending.send('n2', 40);
  await until('it was tried again', () => errors.length === 2);
  sending.stop();
});

test('I9: a peer that rests keeps no timer of a group that stops', async () => {
  const { clock, told, sending } = await failing();
  sending.stop();
  expect(clock.waiting).toBe(0);
  expect(told).toEqual([]);
});
