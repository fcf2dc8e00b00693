import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { packr } from '../../../src/log/command.ts';
import type { SnapshotShelf } from '../../../src/log/snapshot-file.ts';
import type { Input } from '../../../src/protocols/raft/core/input.ts';
import { Exchange } from '../../../src/protocols/raft/exchange.ts';
import { SnapshotSending } from '../../../src/protocols/raft/snapshot-sending.ts';
import type { Network } from '../../../src/protocols/transport/network.ts';
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

/** A leader with a snapshot of entry 40, whose follower says of whatever it is sent that it should begin again. */
async function refused(take: (shelf: SnapshotShelf) => Promise<number>) {
  const clock = new VirtualClock();
  const errors: string[] = [];
  const log = await openedLog(await temporaryDirectory());
  const shelf = log.snapshots(MAIN);
  await written(shelf, 40);
  const exchange = new Exchange({ nodeId: 'n1', clock, breathe, onNoise: () => undefined });
  exchange.use(REFUSING as Network);
  const sending = new SnapshotSending({
    log,
    group: MAIN,
    exchange,
    clock,
    takeSnapshot: () => take(shelf),
    host: { status: () => ({ term: 1 }) },
    step: () => undefined,
    onError: (error) => errors.push(String(error)),
  });
  /** Sends once, as with a heartbeat. */
  const send = async (): Promise<void> => {
    sending.send('n2', 40);
    await until('it rests', () => clock.waiting === 1);
    await clock.advance(1_000);
  };
  return { clock, shelf, errors, send };
}

const REFUSING: Partial<Network> = {
  ask: () => Promise.resolve(packr.pack(['from', 0])),
  transfer: async (_to, _header, chunks) => {
    for await (const chunk of chunks) void chunk;
    return packr.pack(['begin again']);
  },
};

async function written(shelf: SnapshotShelf, index: number): Promise<number> {
  const writer = await shelf.write(index);
  await writer.write(Buffer.from('what follows from so many entries'));
  await writer.finish();
  return index;
}

async function rot(shelf: SnapshotShelf): Promise<void> {
  const [newest] = await shelf.list();
  const bytes = await readFile(newest!.path);
  bytes[7]! ^= 0x10;
  await writeFile(newest!.path, bytes);
}

const indices = async (shelf: SnapshotShelf): Promise<number[]> =>
  (await shelf.list()).map(({ index }) => index);

test('a rotten snapshot is there until another is: the log may not reach down to an older one', async () => {
  const before: number[][] = [];
  const { shelf, errors, send } = await refused(async (its) => {
    before.push(await indices(its));
    return written(its, 50);
  });
  await rot(shelf);
  await send();
  expect(before).toEqual([[40]]);
  expect(await indices(shelf)).toEqual([50]);
  expect(errors).toEqual([expect.stringMatching('is damaged: it is kept as .*another is sent')]);
});

test('where nothing was applied since, another of the same entry takes its place', async () => {
  const { shelf, errors, send } = await refused(async (its) =>
    (await indices(its)).includes(40) ? 40 : written(its, 40),
  );
  await rot(shelf);
  await send();
  for await (const slice of await shelf.open(40)) expect(slice.length).toBeGreaterThan(0);
  expect(errors).toHaveLength(1);
});

test('a rotten snapshot stays where no other can be taken', async () => {
  const { shelf, errors, send } = await refused(() => Promise.reject(new Error('no room')));
  await rot(shelf);
  await send();
  expect(await indices(shelf)).toEqual([40]);
  expect(errors).toEqual(['Error: no room']);
});
