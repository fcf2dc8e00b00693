import { createHash } from 'node:crypto';
import { copyFile, link, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { Level } from 'level';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type BlockEntry, entriesIn, SNAPPY, TRAILER_BYTES } from '../../src/log/leveldb-block.ts';
import { mended, readerOf } from '../../src/log/leveldb-mending.ts';
import { mendTables, scanStore } from '../../src/log/leveldb-scanner.ts';
import {
  dataFlaws,
  FOOTER_BYTES,
  type IndexedBlock,
  readFrame,
  type TableFlaw,
} from '../../src/log/leveldb-table.ts';

/** Values of every sort: short, long, repeating, random-looking, longer than a literal's short forms. */
function valueOf(number: number): Buffer {
  const length = [3, 59, 61, 300, 5_000, 70_000][number % 6] ?? 0;
  const period = number % 4 === 0 ? 7 : 65_521;
  return Buffer.alloc(length).map((_, at) => ((at % period) * (number + 31)) >> 3) as Buffer;
}

const VALUES = 120;

interface Store {
  readonly directory: string;
  /** Names of its tables. */
  readonly tables: readonly string[];
}

/** A store whose values lie in several tables. */
async function storeOf(options: { readonly compression?: boolean }): Promise<Store> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-table-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const sizes = { writeBufferSize: 200_000, maxFileSize: 200_000 };
  const database = new Level<Buffer, Buffer>(directory, { ...BUFFERS, ...sizes, ...options });
  await database.open();
  for (let number = 0; number < VALUES; number += 1)
    await database.put(keyOf(number), valueOf(number));
  await compacted(database);
  await database.close();
  return { directory, tables: await tablesOf(directory) };
}

/** What the Node implementation of `level` has beyond the interface it shares with browsers. */
interface Compacting {
  compactRange(start: Buffer, end: Buffer): Promise<void>;
}

/** LevelDB has read every table, and written new ones. */
function compacted(database: Level<Buffer, Buffer>): Promise<void> {
  return (database as unknown as Compacting).compactRange(keyOf(0), keyOf(VALUES));
}

const BUFFERS = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;

function keyOf(number: number): Buffer {
  return Buffer.from(`key/${String(number).padStart(6, '0')}`);
}

async function tablesOf(directory: string): Promise<readonly string[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.ldb')).toSorted();
  return names.map((name) => join(directory, name));
}

interface Seen {
  readonly flaws: readonly TableFlaw[];
  readonly blocks: readonly IndexedBlock[];
}

async function seen(bytes: Buffer, size = bytes.length): Promise<Seen> {
  const { flaws, blocks = [] } = await readFrame({ size, read: readerOf(bytes) });
  return { flaws: [...flaws, ...blocks.flatMap((block) => dataFlaws(bytes, block))], blocks };
}

/** Long values are compared by it: quicker, and quicker to read where they differ. */
function digest(value: Buffer): string {
  return createHash('sha256').update(value).digest('hex');
}

function digested(entries: readonly BlockEntry[]): readonly string[] {
  return entries.map(({ key, value }) => `${key.toString('hex')} ${digest(value)}`);
}

function sealedAt(bytes: Buffer, { handle: { offset, size } }: IndexedBlock): Buffer {
  return bytes.subarray(offset, offset + size + TRAILER_BYTES);
}

/** Everything a table leads to. */
async function entriesOf(bytes: Buffer): Promise<readonly BlockEntry[]> {
  const { blocks } = await seen(bytes);
  return blocks.flatMap((block) => entriesIn(sealedAt(bytes, block)) ?? []);
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return copy;
}

/** What a store gives out when LevelDB reads all of it. */
async function readThrough(directory: string): Promise<readonly string[]> {
  const database = new Level<Buffer, Buffer>(directory, BUFFERS);
  await database.open();
  const keys: string[] = [];
  for await (const [key, value] of database.iterator()) {
    expect(digest(value)).toBe(digest(valueOf(Number(key.toString().slice(4)))));
    keys.push(key.toString());
  }
  await compacted(database);
  await database.close();
  return keys;
}

const EVERY_KEY = Array.from({ length: VALUES }, (_, number) => keyOf(number).toString());

describe.each([
  ['compressed, as LevelDB writes them by default,', {}, true],
  ['that are not compressed', { compression: false }, false],
] as const)('tables %s', (_which, options, compresses) => {
  test('have no flaws, and hold what was put into them', async () => {
    const { directory, tables } = await storeOf(options);
    expect(tables.length).toBeGreaterThan(1);
    expect(await scanStore(directory)).toEqual({ torn: [], flaws: [], unread: 0 });
    const found: [string, string][] = [];
    let packed = 0;
    for (const path of tables) {
      const bytes = await readFile(path);
      const { blocks } = await seen(bytes);
      packed += blocks.filter((block) => sealedAt(bytes, block).at(-5) === SNAPPY).length;
      for (const { key, value } of await entriesOf(bytes))
        found.push([key.subarray(0, -8).toString(), digest(value)]);
    }
    const written = EVERY_KEY.map((key, number): [string, string] => [
      key,
      digest(valueOf(number)),
    ]);
    expect(found.toSorted(([one], [other]) => (one < other ? -1 : 1))).toEqual(written);
    expect(packed > 0).toBe(compresses);
  });

  test('trap 14: any bit that flips in a table is noticed, or nothing depends on it', async () => {
    const { tables } = await storeOf(options);
    const bytes = await readFile(String(tables[0]));
    const whole = await seen(bytes);
    const bits = fc.oneof(
      fc.nat(bytes.length * 8 - 1),
      fc.integer({ min: (bytes.length - 2_000) * 8, max: bytes.length * 8 - 1 }),
      fc.integer({ min: (bytes.length - FOOTER_BYTES) * 8, max: bytes.length * 8 - 1 }),
    );
    await fc.assert(
      fc.asyncProperty(bits, async (bit) => {
        const { flaws, blocks } = await seen(flipped(bytes, bit));
        if (flaws.length > 0) return;
        // The footer alone has no sum: there are zeros in it, and longer ways to write a number.
        expect(bit >> 3).toBeGreaterThanOrEqual(bytes.length - FOOTER_BYTES);
        expect(blocks).toEqual(whole.blocks);
      }),
      { numRuns: 400 },
    );
  });

  test('trap 14: a table that is cut short is noticed, wherever it was cut', async () => {
    const { tables } = await storeOf(options);
    const bytes = await readFile(String(tables[0]));
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (end) => {
        const { flaws } = await seen(bytes.subarray(0, end), bytes.length);
        expect(flaws).not.toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test('a mended table leads to every block that is whole, and to no other', async () => {
    const { tables } = await storeOf(options);
    const bytes = await readFile(String(tables[0]));
    const { blocks } = await seen(bytes);
    const [first, rotten, ...rest] = blocks;
    expect(rest.length).toBeGreaterThan(0);
    const bad = flipped(bytes, (Number(rotten?.handle.offset) + 1) * 8);
    const after = await mended(bad, bad.length);
    const { flaws, blocks: kept } = await seen(after);
    expect(flaws).toEqual([]);
    expect(kept).toEqual([first, ...rest]);
    // LevelDB goes by the length in the manifest, its repair by that of the file.
    const known = after.subarray(0, bad.length);
    expect(known.subarray(-FOOTER_BYTES)).toEqual(after.subarray(-FOOTER_BYTES));
  });

  test('a table that has lost its index or its footer is found again block by block', async () => {
    const { tables } = await storeOf(options);
    const bytes = await readFile(String(tables[0]));
    const entries = digested(await entriesOf(bytes));
    for (const back of [3, FOOTER_BYTES + TRAILER_BYTES + 8]) {
      const bad = flipped(bytes, (bytes.length - back) * 8);
      expect((await seen(bad)).blocks).toEqual([]);
      expect(digested(await entriesOf(await mended(bad, bad.length)))).toEqual(entries);
    }
  });
});

test('what LevelDB reads of mended tables is what is whole of them', async () => {
  const { directory, tables } = await storeOf({});
  const [one, two, gone] = tables;
  await writeFile(String(one), flipped(await readFile(String(one)), 64 * 8));
  const other = await readFile(String(two));
  await writeFile(String(two), flipped(other, (other.length - FOOTER_BYTES - 20) * 8));
  await rm(String(gone));
  const scan = await scanStore(directory);
  expect(new Set(scan.flaws.map(({ file }) => join(directory, file)))).toEqual(
    new Set([one, two, gone]),
  );
  await mendTables(directory, scan);
  const keys = await readThrough(directory);
  expect(EVERY_KEY).toEqual(expect.arrayContaining([...keys]));
  const lost = VALUES - keys.length;
  expect(lost).toBeGreaterThan(0);
  expect(lost).toBeLessThan(VALUES / 2);
});

test('mending does not write to the file that was there: it may be linked to the original', async () => {
  const { directory, tables } = await storeOf({});
  const path = String(tables[0]);
  await writeFile(path, flipped(await readFile(path), 64 * 8));
  const before = await readFile(path);
  const clone = await mkdtemp(join(tmpdir(), 'quorate-table-'));
  onTestFinished(() => rm(clone, { recursive: true, force: true }));
  for (const name of await readdir(directory)) await link(join(directory, name), join(clone, name));
  await mendTables(clone, await scanStore(clone));
  expect((await readFile(path)).equals(before)).toBe(true);
});

test('a missing table is named; one that no manifest names is nobody’s', async () => {
  const { directory, tables } = await storeOf({});
  const [gone = '', model = ''] = tables;
  await copyFile(model, join(directory, '999999.ldb'));
  await writeFile(
    join(directory, '999999.ldb'),
    flipped(await readFile(join(directory, '999999.ldb')), 640),
  );
  await rm(gone);
  const { flaws } = await scanStore(directory);
  expect(flaws).toEqual([
    {
      file: gone.slice(directory.length + 1),
      offset: 0,
      reason: 'it is missing, but the manifest counts on it',
    },
  ]);
});
