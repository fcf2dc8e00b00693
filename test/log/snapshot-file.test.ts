import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fileSystem } from '../../src/log/files.ts';
import { groupBytes } from '../../src/log/group.ts';
import { shelfDirectory, SnapshotShelf } from '../../src/log/snapshot-file.ts';
import { JOB, MAIN, openedLog, temporaryDirectory } from './fixtures.ts';

async function written(shelf: SnapshotShelf, index: number, content: Uint8Array): Promise<string> {
  const writer = await shelf.write(index);
  for (let from = 0; from < content.length; from += 70_000)
    await writer.write(content.subarray(from, from + 70_000));
  return (await writer.finish()).path;
}

/** One that came from a peer and is not installed yet. */
async function held(shelf: SnapshotShelf, index: number): Promise<void> {
  const writer = await shelf.write(index);
  await writer.write(Buffer.from('state'));
  const bound = Buffer.concat([groupBytes(MAIN), uint64(index), Buffer.from('state')]);
  expect(await writer.hold(createHash('sha256').update(bound).digest())).toBe(true);
}

async function content(shelf: SnapshotShelf, index: number): Promise<Buffer> {
  const slices: Buffer[] = [];
  for await (const slice of await shelf.open(index)) slices.push(slice);
  return Buffer.concat(slices);
}

function uint64(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}

const indices = async (shelf: SnapshotShelf): Promise<number[]> =>
  (await shelf.list()).map(({ index }) => index);

describe('a snapshot file', () => {
  test('gives back what was written, whatever its size', async () => {
    const shelf = new SnapshotShelf(await temporaryDirectory(), MAIN);
    for (const bytes of [0, 1, 262_144, 700_001]) {
      const given = Buffer.alloc(bytes).map((_, at) => at * 7);
      await written(shelf, bytes + 1, given);
      expect((await content(shelf, bytes + 1)).equals(given)).toBe(true);
    }
  });

  test('that goes while the others are looked at is not listed, and what else fails is told', async () => {
    const directory = await temporaryDirectory();
    const shelf = new SnapshotShelf(directory, MAIN);
    for (const index of [3, 7, 9]) await written(shelf, index, Buffer.from('state'));
    const code = (name: string): string => (name.includes('7.snapshot') ? 'ENOENT' : 'EIO');
    const failing = (...names: readonly string[]): SnapshotShelf =>
      new SnapshotShelf(directory, MAIN, {
        ...fileSystem,
        size: (path) =>
          names.some((name) => path.endsWith(name))
            ? Promise.reject(Object.assign(new Error('no'), { code: code(path) }))
            : fileSystem.size(path),
      });
    expect(await indices(failing('7.snapshot'))).toEqual([9, 3]);
    await expect(failing('9.snapshot').list()).rejects.toMatchObject({ code: 'EIO' });
  });

  test('is listed newest first, with its size, and only when it is finished', async () => {
    const shelf = new SnapshotShelf(await temporaryDirectory(), JOB);
    expect(await shelf.list()).toEqual([]);
    await written(shelf, 9, Buffer.alloc(10));
    await written(shelf, 100, Buffer.alloc(20));
    const unfinished = await shelf.write(200);
    expect(await indices(shelf)).toEqual([100, 9]);
    expect((await shelf.list())[0]).toMatchObject({
      bytes: (await readFile((await shelf.list())[0]!.path)).length,
    });
    await unfinished.abandon();
    expect(await indices(shelf)).toEqual([100, 9]);
  });

  test('no flipped bit goes unnoticed', async () => {
    const shelf = new SnapshotShelf(await temporaryDirectory(), MAIN);
    const path = await written(shelf, 5, Buffer.from('what follows from five entries'));
    const whole = await readFile(path);
    const bits = fc.integer({ min: 0, max: whole.length * 8 - 1 });
    await fc.assert(
      fc.asyncProperty(bits, async (bit) => {
        const flipped = Buffer.from(whole);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        await writeFile(path, flipped);
        await expect(content(shelf, 5)).rejects.toMatchObject({ code: 'damaged' });
      }),
      { numRuns: 300 },
    );
  });

  test.each([0, 1, 43, 50])('cut to %i bytes it is damaged', async (bytes) => {
    const shelf = new SnapshotShelf(await temporaryDirectory(), MAIN);
    const path = await written(shelf, 5, Buffer.from('some content'));
    await writeFile(path, (await readFile(path)).subarray(0, bytes));
    await expect(shelf.open(5)).rejects.toMatchObject({ code: 'damaged' });
  });

  test('of another group or index is damaged, though every byte is intact', async () => {
    const directory = await temporaryDirectory();
    const shelf = new SnapshotShelf(directory, MAIN);
    const other = new SnapshotShelf(directory, { ...MAIN, incarnation: 3 });
    const path = await written(shelf, 5, Buffer.from('some content'));
    await writeFile(path.replace('5.snapshot', '6.snapshot'), await readFile(path));
    await writeFile(await written(other, 5, Buffer.from('x')), await readFile(path));
    await expect(content(shelf, 6)).rejects.toMatchObject({ code: 'damaged' });
    await expect(content(other, 5)).rejects.toMatchObject({ code: 'damaged' });
  });

  test('can be read in parts, for sending it', async () => {
    const shelf = new SnapshotShelf(await temporaryDirectory(), MAIN);
    await written(shelf, 5, Buffer.from('0123456789'));
    const reader = await shelf.open(5);
    expect(reader.bytes).toBe(10);
    expect((await reader.readAt(3, 4)).toString()).toBe('3456');
    expect((await reader.readAt(8, 100)).toString()).toBe('89');
    await reader.close();
  });

  test('that a crash left half written is gone when the log is opened again', async () => {
    const directory = await temporaryDirectory();
    const log = await openedLog(directory);
    await written(log.snapshots(JOB), 3, Buffer.from('whole'));
    await (await log.snapshots(JOB).write(8)).write(Buffer.from('half'));
    await log.close();
    const again = await openedLog(directory);
    expect(await indices(again.snapshots(JOB))).toEqual([3]);
    expect(await readdir(join(directory, 'snapshots', 'job%2F42@17'))).toEqual(['3.snapshot']);
  });
});

describe('keeping snapshots', () => {
  const overhead = 44;

  async function shelfOf(count: number): Promise<SnapshotShelf> {
    const shelf = new SnapshotShelf(await temporaryDirectory(), MAIN);
    for (let at = 1; at <= count; at++) await written(shelf, at * 10, Buffer.alloc(100 - overhead));
    return shelf;
  }

  test('the newest are kept whatever they take', async () => {
    const shelf = await shelfOf(6);
    const removed = await shelf.keep({ newest: 3, historyBytes: 0 });
    expect(removed.map(({ index }) => index).sort((one, other) => one - other)).toEqual([
      10, 20, 30,
    ]);
    expect(await indices(shelf)).toEqual([60, 50, 40]);
  });

  test('the older ones stay within their bytes, evenly spread', async () => {
    const shelf = await shelfOf(12);
    await shelf.keep({ newest: 3, historyBytes: 300 });
    const kept = await indices(shelf);
    expect(kept.slice(0, 3)).toEqual([120, 110, 100]);
    expect(kept.slice(3)).toHaveLength(3);
    expect([kept[3], kept[5]]).toEqual([90, 10]);
    expect(kept[4]).toBeGreaterThanOrEqual(30);
    expect(kept[4]).toBeLessThanOrEqual(70);
  });

  test('a received copy goes when a newer one is finished, what is yet to be installed stays', async () => {
    const directory = await temporaryDirectory();
    const shelf = new SnapshotShelf(directory, MAIN);
    for (const index of [10, 30]) await held(shelf, index);
    await written(shelf, 20, Buffer.from('state'));
    await shelf.keep({ newest: 3, historyBytes: 0 });
    const names = await readdir(shelfDirectory(directory, MAIN));
    expect(names.sort()).toEqual(['20.snapshot', '30.received']);
  });

  test('at a start, a received one that the log stands on is one of them, and any other goes', async () => {
    const directory = await temporaryDirectory();
    const shelf = new SnapshotShelf(directory, MAIN);
    await written(shelf, 20, Buffer.from('state'));
    for (const index of [30, 40]) await held(shelf, index);
    expect((await shelf.settleHeld(30)).map(({ index }) => index)).toEqual([30, 20]);
    const names = await readdir(shelfDirectory(directory, MAIN));
    expect(names.sort()).toEqual(['20.snapshot', '30.snapshot']);
  });

  test('at a start, the directory of a group without any is read once', async () => {
    let read = 0;
    const shelf = new SnapshotShelf(await temporaryDirectory(), JOB, {
      ...fileSystem,
      names: (path) => {
        read += 1;
        return fileSystem.names(path);
      },
    });
    expect(await shelf.settleHeld(0)).toEqual([]);
    expect(read).toBe(1);
  });

  test('one that is discarded twice is kept, as two may find out about it', async () => {
    const directory = await temporaryDirectory();
    const shelf = new SnapshotShelf(directory, MAIN);
    for (const index of [10, 20]) await written(shelf, index, Buffer.from('state'));
    const paths = [await shelf.discard(20, 'damaged'), await shelf.discard(20, 'damaged')];
    expect(new Set(paths).size).toBe(1);
    const names = await readdir(shelfDirectory(directory, MAIN));
    expect(names.sort()).toEqual(['10.snapshot', '20.damaged']);
  });

  test('of the discarded the newest of each kind is kept: what is wrong is no evidence of damage', async () => {
    const directory = await temporaryDirectory();
    const shelf = new SnapshotShelf(directory, MAIN);
    for (const index of [10, 20, 30, 40]) await written(shelf, index, Buffer.from('state'));
    await shelf.discard(40, 'damaged');
    await shelf.discard(30, 'damaged');
    await shelf.discard(20, 'wrong');
    await shelf.discard(10, 'wrong');
    const names = await readdir(shelfDirectory(directory, MAIN));
    expect(names.sort()).toEqual(['10.wrong', '30.damaged']);
  });

  test('nothing is removed that fits', async () => {
    const shelf = await shelfOf(5);
    expect(await shelf.keep({ newest: 3, historyBytes: 200 })).toEqual([]);
  });
});
