import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { examine } from '../../src/log/examining.ts';
import type { LogFault } from '../../src/log/fault.ts';
import { GroupLogs } from '../../src/log/group-log.ts';
import { groupKeys, numbered, numberedRange } from '../../src/log/keys.ts';
import { openStore } from '../../src/log/open-store.ts';
import { Log } from '../../src/log/log.ts';
import { recoverGroups } from '../../src/log/recovery.ts';
import {
  allSetAside,
  DAMAGE_FILE,
  damageIn,
  markDamaged,
  SET_ASIDE_MAX,
  setAside,
  unmark,
} from '../../src/log/set-aside.ts';
import { blocksBetween } from '../../src/log/stored-blocks.ts';
import { frame, framesOf, MAIN, optionsFor, temporaryDirectory } from './fixtures.ts';

const DAMAGE = { found_at: Date.UTC(2026, 10, 20, 16, 0, 0), reason: 'a bit was flipped' };

/** A closed log of `entries` batches, with something on its shelf of snapshots. */
async function closedLog(entries = 9): Promise<string> {
  const directory = await temporaryDirectory();
  const log = await Log.open(optionsFor(directory));
  for (let index = 1; index <= entries; index++) await log.append(MAIN, frame(index), 'data');
  await log.close();
  await mkdir(join(directory, 'snapshots', 'main'), { recursive: true });
  return directory;
}

/** As if the block of this entry had never been written, or another lay in its place. */
async function withoutBlock(directory: string, index: number, instead?: number): Promise<string> {
  const { block } = groupKeys(MAIN);
  const store = await openStore(join(directory, 'log'));
  const writes = store.batch();
  if (instead === undefined) writes.delete(numbered(block, index));
  else writes.put(numbered(block, index), (await store.get(numbered(block, instead)))!);
  await writes.write({ sync: true });
  await store.close();
  return directory;
}

test('a damaged store is moved aside with its snapshots and what was said about it; a new one begins in its place', async () => {
  const directory = await closedLog();
  await markDamaged(directory, DAMAGE);
  const aside = await setAside(directory);
  expect(await readdir(directory)).toEqual(['damaged-2026-11-20T16-00-00.000Z-1']);
  expect((await readdir(aside)).toSorted()).toEqual([DAMAGE_FILE, 'log', 'snapshots']);
  expect(await allSetAside(directory)).toEqual([{ directory: aside, ...DAMAGE }]);
  const log = await Log.open(optionsFor(directory));
  expect(log.recovery.startedEmpty).toBe(true);
  await log.close();
  // What lies aside is a data directory like any other.
  const old = await Log.open(optionsFor(aside));
  expect(old.bounds(MAIN).last).toBe(9);
  await old.close();
});

test('the first word about a damage stays, and a word cut short still says that there is one', async () => {
  const directory = await temporaryDirectory();
  expect(await damageIn(directory)).toBeUndefined();
  await markDamaged(directory, DAMAGE);
  await markDamaged(directory, { ...DAMAGE, reason: 'another' });
  expect(await damageIn(directory)).toEqual(DAMAGE);
  await writeFile(join(directory, DAMAGE_FILE), '{"found_at": 17');
  expect(await damageIn(directory)).toMatchObject({ reason: 'the store is damaged' });
  await unmark(directory);
  expect(await damageIn(directory)).toBeUndefined();
});

test('that a store is wrong for certain is kept with it, wherever it lies', async () => {
  const directory = await closedLog();
  await markDamaged(directory, { ...DAMAGE, certain: true });
  await markDamaged(directory, DAMAGE);
  expect(await damageIn(directory)).toEqual({ ...DAMAGE, certain: true });
  const aside = await setAside(directory);
  expect(await allSetAside(directory)).toEqual([{ directory: aside, ...DAMAGE, certain: true }]);
});

test('a crash while a store is moved aside leaves the mark, and the next start goes on', async () => {
  const directory = await closedLog();
  await markDamaged(directory, DAMAGE);
  const half = join(directory, 'damaged-2026-11-20T16-00-00.000Z-1');
  await mkdir(half);
  await rename(join(directory, 'snapshots'), join(half, 'snapshots'));
  expect(await damageIn(directory)).toEqual(DAMAGE);
  const aside = await setAside(directory);
  expect((await readdir(directory)).toSorted()).toEqual([
    'damaged-2026-11-20T16-00-00.000Z-1',
    'damaged-2026-11-20T16-00-00.000Z-2',
  ]);
  expect((await readdir(aside)).toSorted()).toEqual([DAMAGE_FILE, 'log']);
});

test('I8: a disk that has damaged so many stores is given no other until somebody has looked', async () => {
  const directory = await temporaryDirectory();
  for (let times = 0; times < SET_ASIDE_MAX; times++) {
    await markDamaged(directory, DAMAGE);
    await setAside(directory);
  }
  await markDamaged(directory, DAMAGE);
  await expect(setAside(directory)).rejects.toMatchObject({
    code: 'damaged',
    message: expect.stringMatching(/^3 damaged stores lie aside already.*look at the disk/),
  });
  expect(await damageIn(directory)).toEqual(DAMAGE);
});

test('examining finds a block that is missing, or another in its place, where a start does not look', async () => {
  await examine(await closedLog());
  const missing = await withoutBlock(await closedLog(), 4);
  const misfiled = await withoutBlock(await closedLog(), 4, 6);
  for (const directory of [missing, misfiled]) {
    await (await Log.open(optionsFor(directory))).close();
    await expect(examine(directory)).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringMatching(/^group main, entry 4: /),
    });
  }
});

test('examining an empty directory finds nothing wrong', async () => {
  await examine(await temporaryDirectory());
});

test('a log tells of damage that it meets while it is read, whoever reads', async () => {
  const directory = await withoutBlock(await closedLog(), 4);
  const told: LogFault[] = [];
  const log = await Log.open(optionsFor(directory, { onDamage: (fault) => told.push(fault) }));
  log.setCommitted(MAIN, 9);
  await expect(framesOf(log, MAIN, 1)).rejects.toMatchObject({ code: 'damaged' });
  await expect(log.frame(MAIN, 4)).rejects.toMatchObject({ code: 'damaged' });
  expect(told.map(({ code }) => code)).toEqual(['damaged', 'damaged']);
  await log.close();
});

test('what is trimmed between two blocks of a reader is compacted; what is missing without that is damaged', async () => {
  for (const [floor, expected] of [
    [5, { name: 'Compacted', oldest: 6 }],
    [0, { code: 'damaged', message: expect.stringMatching(/the next block starts at 6/) }],
  ] as const) {
    const store = await openStore(join(await closedLog(), 'log'));
    const logs = new GroupLogs();
    await recoverGroups(store, logs);
    const log = logs.of(MAIN);
    const reading = blocksBetween(store, log, 1, 9);
    await reading.next();
    // As trimming does it: the floor first, then what lies below.
    log.floor = { index: floor, term: 1 };
    await store.clear(numberedRange(log.keys.block, 0, 5));
    await expect(reading.next()).rejects.toMatchObject(expected);
    await store.close();
  }
});
