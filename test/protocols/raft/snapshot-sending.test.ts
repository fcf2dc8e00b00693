import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { packr } from '../../../src/log/command.ts';
import { fileSystem, type Files } from '../../../src/log/files.ts';
import { NO_MEMBERS } from '../../../src/log/members.ts';
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
async function refused(
  take: (shelf: SnapshotShelf) => Promise<number>,
  { files = fileSystem, verdict = 'begin again' } = {},
) {
  const clock = new VirtualClock();
  const errors: string[] = [];
  const log = await openedLog(await temporaryDirectory(), { files });
  const shelf = log.snapshots(MAIN);
  await written(shelf, 40);
  const exchange = new Exchange({ nodeId: 'n1', clock, breathe, onNoise: () => undefined });
  exchange.use(refusing(verdict) as Network);
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

function refusing(verdict: string): Partial<Network> {
  return {
    ask: () => Promise.resolve(packr.pack(['from', 0])),
    transfer: async (_to, _header, chunks) => {
      for await (const chunk of chunks) void chunk;
      return packr.pack([verdict]);
    },
  };
}

async function written(shelf: SnapshotShelf, index: number): Promise<number> {
  const writer = await shelf.write(index);
  const manifest = { version: 1, position: { index, term: 1 }, configuration: NO_MEMBERS };
  const packed = packr.pack(manifest);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(packed.length);
  await writer.write(Buffer.concat([length, packed, Buffer.alloc(1_000_000)]));
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

/** Of which one part cannot be read, in files that are opened while `isRotten` says so. */
function withBadSector(bad: { isRotten: boolean }, error: string, opened: string[]): Files {
  return {
    ...fileSystem,
    open: async (path) => {
      opened.push(path);
      const file = await fileSystem.open(path);
      const read: typeof file.read = (offset, length) =>
        bad.isRotten && offset < 600_000 && offset + length > 600_000
          ? Promise.reject(Object.assign(new Error(`${error}: read`), { code: error }))
          : file.read(offset, length);
      return { ...file, read };
    },
  };
}

test('a snapshot of which a part cannot be read is a damaged one', async () => {
  const files = withBadSector({ isRotten: true }, 'EIO', []);
  const { shelf, errors, send } = await refused((its) => written(its, 50), { files });
  await send();
  expect(await indices(shelf)).toEqual([50]);
  expect(errors).toEqual([expect.stringMatching('is damaged: it is kept as .*another is sent')]);
});

test('a read that fails for want of something else says nothing of the snapshot', async () => {
  const files = withBadSector({ isRotten: true }, 'ENOMEM', []);
  const { shelf, errors, send } = await refused((its) => written(its, 50), { files });
  await send();
  expect(await indices(shelf)).toEqual([40]);
  expect(errors).toEqual(['Error: ENOMEM: read']);
});

test.each(['begin again', 'unknown-group'])(
  'a whole snapshot that is answered with %s is examined once, not every second; what cannot be read, at once',
  async (verdict) => {
    const opened: string[] = [];
    const bad = { isRotten: false };
    const files = withBadSector(bad, 'EIO', opened);
    const leader = await refused((its) => written(its, 50), { files, verdict });
    for (let times = 1; times <= 5; times++) await leader.send();
    // Each of them opened it to send it, and the first to examine it.
    expect(opened).toHaveLength(6);
    bad.isRotten = true;
    await leader.send();
    expect(await indices(leader.shelf)).toEqual([50]);
    expect(leader.errors).toHaveLength(1);
  },
);

test('what was whole is examined again in the end: it may have rotted since', async () => {
  const opened: string[] = [];
  const files = withBadSector({ isRotten: false }, 'EIO', opened);
  const { clock, send } = await refused((its) => written(its, 50), { files });
  await send();
  await clock.advance(10 * 60_000);
  await send();
  expect(opened).toHaveLength(4);
});
