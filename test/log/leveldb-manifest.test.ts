import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { expect, onTestFinished, test } from 'vitest';
import { logNamedIn } from '../../src/log/leveldb-manifest.ts';
import { scanStore } from '../../src/log/leveldb-scanner.ts';

async function emptyDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-manifest-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Opens a store, writes so many values, and closes it. */
async function written(directory: string, values: number): Promise<void> {
  const database = new Level<string, string>(join(directory, 'store'));
  await database.open();
  for (let number = 0; number < values; number += 1)
    await database.put(`${values}-${number}`, 'x'.repeat(60_000));
  await database.close();
}

async function manifestOf(store: string): Promise<Buffer> {
  const current = await readFile(join(store, 'CURRENT'), 'utf8');
  return readFile(join(store, current.trim()));
}

test.each([
  ['a new store', [0]],
  ['a store with one value', [1]],
  ['a store that was opened again and again', [1, 1, 1, 1]],
  ['a store whose log was turned over many times while it was open', [400]],
  ['a store with tables and a log', [300, 20, 300]],
])('the manifest of %s names a log that is there', async (_which, lives) => {
  const directory = await emptyDirectory();
  for (const values of lives) {
    await written(directory, values);
    const store = join(directory, 'store');
    const named = logNamedIn(await manifestOf(store));
    expect(await readdir(store)).toContain(named);
    expect(await scanStore(store)).toEqual({ torn: [], flaws: [], unread: 0 });
  }
});

test('trap 14: a store without the log its manifest counts on is flawed, where LevelDB would say nothing', async () => {
  const directory = await emptyDirectory();
  await written(directory, 3);
  const store = join(directory, 'store');
  const named = String(logNamedIn(await manifestOf(store)));
  await rm(join(store, named));
  const { flaws } = await scanStore(store);
  expect(flaws).toEqual([
    { file: named, offset: 0, reason: expect.stringContaining('it is missing') as string },
  ]);
});

test('an empty manifest names no log', () => {
  expect(logNamedIn(Buffer.alloc(0))).toBeUndefined();
});
