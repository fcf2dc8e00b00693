import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cloneStopped } from '../../src/log/clone.ts';
import { Log } from '../../src/log/log.ts';
import { appendRange, MAIN, openedLog, optionsFor, temporaryDirectory } from './fixtures.ts';

const nobodyRuns = (): boolean => false;

/** A data directory with entries in table files and in LevelDB's log, and a snapshot. */
async function stoppedNode(): Promise<string> {
  const directory = join(await temporaryDirectory(), 'data');
  for (const first of [1, 11]) {
    const log = await Log.open(optionsFor(directory));
    await appendRange(log, MAIN, first, first + 9);
    await (await log.snapshots(MAIN).write(first)).finish();
    await log.close();
  }
  return directory;
}

async function fingerprints(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await readdir(join(directory, 'log'))) {
    const path = join(directory, 'log', name);
    found[name] = `${(await stat(path)).mtimeMs} ${(await readFile(path)).toString('base64')}`;
  }
  return found;
}

describe('a clone of a stopped node', () => {
  test('holds what the node held, and using it changes nothing of the original', async () => {
    const directory = await stoppedNode();
    const before = await fingerprints(directory);
    const clone = await cloneStopped(directory, nobodyRuns);
    const log = await openedLog(clone.directory);
    expect(log.bounds(MAIN)).toMatchObject({ first: 1, last: 20 });
    expect(await log.snapshots(MAIN).list()).toHaveLength(2);
    await appendRange(log, MAIN, 21, 25);
    await log.close();
    expect(await fingerprints(directory)).toEqual(before);
    await clone.dispose();
    expect(await readdir(dirname(directory))).toEqual(['data']);
    expect((await openedLog(directory)).bounds(MAIN).last).toBe(20);
  });

  test('links table files instead of copying them', async () => {
    const directory = await stoppedNode();
    const clone = await cloneStopped(directory, nobodyRuns);
    const tables = (await readdir(join(directory, 'log'))).filter((name) => name.endsWith('.ldb'));
    expect(tables.length).toBeGreaterThan(0);
    for (const name of tables)
      expect((await stat(join(clone.directory, 'log', name))).ino).toBe(
        (await stat(join(directory, 'log', name))).ino,
      );
    await clone.dispose();
  });

  test('of a running node is refused, with the address to ask instead', async () => {
    const directory = await stoppedNode();
    await writeFile(
      join(directory, 'node.json'),
      JSON.stringify({ pid: 4711, url: 'http://here:1' }),
    );
    await expect(cloneStopped(directory, (pid) => pid === 4711)).rejects.toMatchObject({
      code: 'in-use',
      message: expect.stringContaining('http://here:1'),
    });
    await (await cloneStopped(directory, nobodyRuns)).dispose();
  });

  test('is possible where a crash cut the node file off', async () => {
    const directory = await stoppedNode();
    await writeFile(join(directory, 'node.json'), '{"pid": 47');
    await (await cloneStopped(directory, () => true)).dispose();
  });
});
