/**
 * What disks do to the store of a stopped node: bits that flip, records cut short, batches that were never
 * written, blocks that lie where others belong. Each takes the data directory and leaves it damaged.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { groupKeys, linkKey, numberedRange, numberOf } from '../../src/log/keys.ts';
import { openStore } from '../../src/log/open-store.ts';
import { SnapshotShelf } from '../../src/log/snapshot-file.ts';
import { type Pair, pairs, type Store } from '../../src/log/store.ts';
import { recordsIn } from './leveldb-records.ts';

export type Damaging = (directory: string) => Promise<void>;

const MAIN_GROUP = { id: 'main', incarnation: 0 };
const MAIN = groupKeys(MAIN_GROUP);

async function largest(directory: string, ending: RegExp): Promise<string> {
  const log = join(directory, 'log');
  const sized: { readonly path: string; readonly bytes: number }[] = [];
  for (const name of (await readdir(log)).filter((one) => ending.test(one)))
    sized.push({ path: join(log, name), bytes: (await readFile(join(log, name))).length });
  const [first] = sized.toSorted((one, other) => other.bytes - one.bytes);
  assert(first !== undefined, `a file ${ending} lies in ${log}`);
  return first.path;
}

async function flip(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 0x10, offset);
  await writeFile(path, bytes);
}

/** A record of the `.log` in the middle of it. */
async function middleRecord(
  directory: string,
): Promise<{ readonly path: string; readonly offset: number; readonly bytes: number }> {
  const path = await largest(directory, /\.log$/);
  const records = recordsIn(await readFile(path));
  const record = records[Math.floor(records.length / 2)];
  assert(record !== undefined && records.length > 10, 'the .log has records');
  return { path, ...record };
}

export async function flipInLog(directory: string): Promise<void> {
  const { path, offset, bytes } = await middleRecord(directory);
  await flip(path, offset + Math.floor(bytes / 2));
}

/** In the middle: what follows it is there. At the end it would be what a crash leaves. */
export async function tearInLog(directory: string): Promise<void> {
  const { path, offset, bytes } = await middleRecord(directory);
  const file = await readFile(path);
  await writeFile(
    path,
    Buffer.concat([file.subarray(0, offset + bytes - 3), file.subarray(offset + bytes)]),
  );
}

/** Opened once, LevelDB has moved its `.log` into a table. */
export async function flipInTable(directory: string): Promise<void> {
  await edited(directory, () => Promise.resolve());
  const path = await largest(directory, /\.ldb$/);
  await flip(path, Math.floor((await readFile(path)).length / 2));
}

/** The block of one place is filed under another, under good sums of LevelDB. */
export function misfile(directory: string): Promise<void> {
  return edited(directory, async (store) => {
    const [block, , other] = (await blocks(store)).slice(-3);
    assert(block !== undefined && other !== undefined, 'the log has blocks');
    const writes = store.batch();
    writes.put(other[0], block[1]);
    await writes.write({ sync: true });
  });
}

/** A batch in the middle was never written: neither its block nor its link in the chain. */
export function loseBatch(directory: string): Promise<void> {
  return edited(directory, async (store) => {
    const all = await blocks(store);
    const links = await linkNumbers(store);
    const writes = store.batch();
    writes.delete(all[Math.floor(all.length / 2)]![0]);
    writes.delete(linkKey(links[Math.floor(links.length / 2)]!));
    await writes.write({ sync: true });
  });
}

/**
 * One block is gone, three eighths into the log: a start that has a snapshot above it reads the end of the
 * log, and halves it in search of where terms begin, and comes by there neither way.
 */
export function loseOldBlock(directory: string): Promise<void> {
  return edited(directory, async (store) => {
    const all = await blocks(store);
    const end = numberOf(all.at(-1)![0]);
    const [key] = all.find(([one]) => numberOf(one) >= (end * 3) / 8)!;
    const writes = store.batch();
    writes.delete(key);
    await writes.write({ sync: true });
  });
}

/** In the middle of the newest one. @returns its path */
export async function flipInSnapshot(directory: string): Promise<string> {
  const [newest] = await new SnapshotShelf(join(directory, 'snapshots'), MAIN_GROUP).list();
  assert(newest !== undefined, 'there is a snapshot');
  await flip(newest.path, Math.floor(newest.bytes / 2));
  return newest.path;
}

export async function loseDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true });
}

async function edited(directory: string, edit: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore(join(directory, 'log'));
  try {
    await edit(store);
  } finally {
    await store.close();
  }
}

async function blocks(store: Store): Promise<readonly Pair[]> {
  const found: Pair[] = [];
  const every = numberedRange(MAIN.block, 0, Number.MAX_SAFE_INTEGER);
  for await (const pair of pairs(store.scan(every))) found.push(pair);
  assert(found.length > 10, 'the log has blocks');
  return found;
}

async function linkNumbers(store: Store): Promise<readonly number[]> {
  const found: number[] = [];
  const every = { from: linkKey(0), to: linkKey(65_535) };
  for await (const [key] of pairs(store.scan(every))) found.push(key.readUInt16BE(2));
  return found;
}
