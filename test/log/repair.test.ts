import { randomUUID } from 'node:crypto';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeBlock } from '../../src/log/block.ts';
import { placeOf } from '../../src/log/interleaving.ts';
import { LevelStore } from '../../src/log/level-store.ts';
import { openStore } from '../../src/log/open-store.ts';
import { Log } from '../../src/log/log.ts';
import { everyNumber, groupKeys, linkKey, numbered } from '../../src/log/keys.ts';
import { type RepairRecord, repairLog } from '../../src/log/repair.ts';
import { encodeOutcomePage, GENESIS_DIGEST } from '../../src/log/outcome-page.ts';
import type { Store } from '../../src/log/store.ts';
import {
  appendRange,
  frame,
  framesOf,
  JOB,
  MAIN,
  openedLog,
  optionsFor,
  temporaryDirectory,
} from './fixtures.ts';

const BLOCK = groupKeys(MAIN).block;

const hardState = (term: number): Parameters<Log['saveHardState']>[1] => ({
  term,
  vote: 'node-1',
  commit: 0,
  members: [
    {
      index: 0,
      configuration: {
        voters: [{ id: 'node-1', store: 'store-1', addresses: [] }],
        outgoing: [],
        learners: [],
      },
    },
  ],
});

/** Ten blocks of ten entries of `main`, a hard state after the fifth, a job, snapshots at 40 and 90; killed. */
async function killedNode(): Promise<string> {
  const directory = join(await temporaryDirectory(), 'live');
  const log = await Log.open(optionsFor(directory));
  for (let first = 1; first <= 91; first += 10) {
    await appendRange(log, MAIN, first, first + 9);
    if (first === 41) await log.saveHardState(MAIN, hardState(1));
    if (first === 41) await appendRange(log, JOB, 1, 5);
  }
  for (const index of [40, 90]) await (await log.snapshots(MAIN).write(index)).finish();
  await cp(directory, directory.replace('live', 'killed'), { recursive: true });
  await log.close();
  return directory.replace('live', 'killed');
}

async function changed(directory: string, change: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore(join(directory, 'log'));
  await change(store);
  await store.close();
}

async function put(store: Store, key: Buffer, value: Buffer | undefined): Promise<void> {
  const batch = store.batch();
  if (value === undefined) batch.delete(key);
  else batch.put(key, value);
  await batch.write({ sync: true });
}

async function repaired(directory: string): Promise<{ target: string; record: RepairRecord }> {
  const target = directory.replace('killed', 'repaired');
  const options = { directory, target, drawId: randomUUID, now: 1_234, isRunning: () => false };
  return { target, record: await repairLog(options) };
}

const files = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true })).sort();

describe('repair', () => {
  test('of a whole log keeps all of it, under a new store id', async () => {
    const directory = await killedNode();
    const old = await files(directory);
    const { target, record } = await repaired(directory);
    expect(await files(directory)).toEqual(old);
    const log = await openedLog(target);
    expect(await framesOf(log, MAIN, 1, { uncommitted: true })).toEqual(
      Array.from({ length: 100 }, (_, at) => frame(at + 1)),
    );
    expect(log.bounds(JOB)).toEqual({ first: 1, last: 5, lastTerm: 1 });
    expect(log.hardState(MAIN)).toEqual(hardState(1));
    expect((await log.snapshots(MAIN).list()).map(({ index }) => index)).toEqual([90, 40]);
    expect(record).toMatchObject({
      source: directory,
      repaired_at: 1_234,
      identity: { nodeId: 'node-1', clusterId: 'cluster-1', storeId: log.identity.storeId },
      groups: [
        { group: MAIN, first: 1, last: 100, hard_state: 'proved' },
        { group: JOB, first: 1, last: 5, hard_state: 'none' },
      ],
      keys_left_out: [],
      snapshots_left_out: [],
    });
    expect(JSON.parse(await readFile(join(target, 'repair.json'), 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(record)),
    );
  });

  test('keeps the entries in front of a damaged frame, and says where and why it stops', async () => {
    const directory = await killedNode();
    await changed(directory, async (store) => {
      const key = numbered(BLOCK, 61);
      const value = (await store.get(key))!;
      const third = decodeBlock(key, value)!.frames.length * 0.25;
      value[8 + Math.floor(third)]! ^= 1;
      await put(store, key, value);
    });
    const { target, record } = await repaired(directory);
    const log = await openedLog(target);
    const { last } = log.bounds(MAIN);
    expect(last).toBeGreaterThan(60);
    expect(last).toBeLessThan(65);
    expect(record.groups[0]).toMatchObject({
      last,
      left_out: { from: last + 1, reason: expect.stringMatching(/damaged|checksum/) },
    });
    expect(record.snapshots_left_out).toMatchObject([{ index: 90 }]);
    await log.append(MAIN, frame(last + 1), 'data');
  });

  test('keeps nothing after a block that is missing', async () => {
    const directory = await killedNode();
    await changed(directory, (store) => put(store, numbered(BLOCK, 31), undefined));
    const { target, record } = await repaired(directory);
    expect((await openedLog(target)).bounds(MAIN).last).toBe(30);
    expect(record.groups[0]).toMatchObject({
      left_out: { from: 31, reason: 'the next block starts at 41' },
    });
  });

  test('of a store with keys that nobody ever wrote leaves them out, says so, and keeps every group', async () => {
    const directory = await killedNode();
    const places = await LevelStore.open(join(directory, 'log'));
    const stretch = placeOf(numbered(BLOCK, 1));
    stretch[stretch.length - 17]! ^= 0x40;
    const nobody = Buffer.from('h/\xff', 'latin1');
    for (const place of [stretch, nobody]) await put(places, place, Buffer.from('somewhere'));
    await places.close();
    const { target, record } = await repaired(directory);
    expect(record).toMatchObject({
      keys_left_out: [
        'the key 682fff of the store was never written',
        expect.stringMatching(/^the key 652f[0-9a-f]+ of the store was never written$/),
      ],
      groups: [
        { group: MAIN, first: 1, last: 100 },
        { group: JOB, first: 1, last: 5 },
      ],
    });
    expect((await openedLog(target)).bounds(MAIN).last).toBe(100);
  });

  test('tells of a group of which nothing is left but what the chain says', async () => {
    const directory = await killedNode();
    const { block, page, hardState: state } = groupKeys(JOB);
    await changed(directory, async (store) => {
      for (const prefix of [block, page]) await store.clear(everyNumber(prefix));
      await put(store, state, undefined);
    });
    const { record } = await repaired(directory);
    expect(record.groups[1]).toMatchObject({
      group: JOB,
      last: 0,
      left_out: { from: 1, reason: 'entries up to 5 are missing' },
    });
  });

  test('keeps nothing that only batches after a break of the chain vouch for', async () => {
    const directory = await killedNode();
    await changed(directory, (store) => put(store, linkKey(4), undefined));
    const { target, record } = await repaired(directory);
    expect(record.chain).toMatchObject({ batch: 4 });
    const log = await openedLog(target);
    expect(log.bounds(MAIN).last).toBe(30);
    expect(record.groups[0]).toMatchObject({ hard_state: 'unproved' });
  });

  test('of a flipped byte in the .log file keeps what LevelDB still finds, and proves what it keeps', async () => {
    const directory = await killedNode();
    const log = (await readdir(join(directory, 'log'))).find((name) => name.endsWith('.log'))!;
    const path = join(directory, 'log', log);
    const bytes = await readFile(path);
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    await writeFile(path, bytes);
    const { target, record } = await repaired(directory);
    expect(record.files.flaws).toMatchObject([{ file: log }]);
    const repairedLog = await openedLog(target);
    const { last } = repairedLog.bounds(MAIN);
    expect(last).toBeLessThan(100);
    expect(last % 10).toBe(0);
    expect(await framesOf(repairedLog, MAIN, 1, { uncommitted: true })).toHaveLength(last);
  });

  test.each(['CURRENT', 'MANIFEST'])('finds the tables without %s', async (name) => {
    const directory = await killedNode();
    await (await Log.open(optionsFor(directory))).close();
    const found = (await readdir(join(directory, 'log'))).find((file) => file.startsWith(name))!;
    await rm(join(directory, 'log', found));
    const { target, record } = await repaired(directory);
    expect(record.files.flaws).toHaveLength(1);
    expect((await openedLog(target)).bounds(MAIN).last).toBe(100);
  });

  test('keeps the floor of a trimmed log, and its whole outcome pages', async () => {
    const directory = join(await temporaryDirectory(), 'killed');
    const log = await Log.open(optionsFor(directory));
    for (const first of [1, 301]) await appendRange(log, MAIN, first, first + 299);
    log.setCommitted(MAIN, 600);
    const page = encodeOutcomePage({
      page: 1,
      outcomes: [Buffer.of(1)],
      previousDigest: GENESIS_DIGEST,
    });
    log.putOutcomePage(MAIN, 1, page);
    log.putOutcomePage(MAIN, 2, page);
    await log.trim(MAIN, 300);
    await log.close();
    const { target } = await repaired(directory);
    const again = await openedLog(target);
    expect(again.bounds(MAIN)).toEqual({ first: 301, last: 600, lastTerm: 1 });
    expect(await again.outcomePage(MAIN, 1)).toEqual(page);
    expect(await again.outcomePage(MAIN, 2)).toBeUndefined();
  });

  test('does not bring back a group that was removed', async () => {
    const directory = join(await temporaryDirectory(), 'killed');
    const log = await Log.open(optionsFor(directory));
    await appendRange(log, MAIN, 1, 3);
    await appendRange(log, JOB, 1, 3);
    await log.remove(JOB);
    await log.close();
    const { target } = await repaired(directory);
    expect((await openedLog(target)).groups()).toEqual([MAIN]);
  });

  test('writes only to a directory that is empty', async () => {
    const directory = await killedNode();
    const { target } = await repaired(directory);
    await expect(repaired(directory)).rejects.toMatchObject({
      code: 'in-use',
      message: expect.stringContaining(target),
    });
  });
});
