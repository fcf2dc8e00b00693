/** Bytes flipped in LevelDB's own files, each with its stated result. */
import { copyFile, cp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/log/open-store.ts';
import { Log } from '../../src/log/log.ts';
import { type ScanBounds, scanStore } from '../../src/log/leveldb-scanner.ts';
import { pairs } from '../../src/log/store.ts';
import { frame, framesOf, MAIN, openedLog, optionsFor, temporaryDirectory } from './fixtures.ts';

const ENTRIES = 60;

/** Data that does not compress, so that its bytes are found again in the files. */
const textOf = (index: number): string =>
  Array.from({ length: 400 }, (_, at) =>
    String.fromCharCode(33 + ((index * 7 + at * at * 31 + (at >> 3)) % 90)),
  ).join('');

async function filesOf(directory: string, ending: RegExp): Promise<string[]> {
  const names = (await readdir(join(directory, 'log'))).filter((name) => ending.test(name)).sort();
  return names.map((name) => join(directory, 'log', name));
}

/** A log of one batch per entry, killed: its entries lie in LevelDB's `.log` file. */
async function killedLog(): Promise<string> {
  const directory = await temporaryDirectory();
  const log = await Log.open(optionsFor(join(directory, 'live')));
  for (let index = 1; index <= ENTRIES; index++)
    await log.append(MAIN, frame(index, { data: textOf(index) }), 'data');
  await cp(join(directory, 'live'), join(directory, 'killed'), { recursive: true });
  await log.close();
  return join(directory, 'killed');
}

/** The same, opened once more and closed: its entries lie in a table file. */
async function closedLog(): Promise<string> {
  const directory = await killedLog();
  await (await Log.open(optionsFor(directory))).close();
  return directory;
}

async function flip(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[offset]! ^= 0x10;
  await writeFile(path, bytes);
}

/** The bytes of every file of the store. */
async function evidence(directory: string): Promise<Map<string, Buffer>> {
  const paths = await filesOf(directory, /./);
  return new Map(
    await Promise.all(paths.map(async (path) => [path, await readFile(path)] as const)),
  );
}

async function expectRefusal(directory: string, names: RegExp): Promise<void> {
  const before = await evidence(directory);
  await expect(Log.open(optionsFor(directory))).rejects.toMatchObject({
    code: 'damaged',
    message: expect.stringMatching(names),
  });
  expect(await evidence(directory)).toEqual(before);
}

describe('the .log file of LevelDB', () => {
  test.each([
    ['first', 0.01],
    ['middle', 0.5],
    ['last', 0.999],
  ])(
    'a flipped byte in the %s record: refused, file and byte named, nothing changed',
    async (_, share) => {
      const directory = await killedLog();
      const [path] = await filesOf(directory, /\.log$/);
      const { size } = await stat(path!);
      await flip(path!, Math.floor(size * share));
      await expectRefusal(
        directory,
        /\d+\.log, byte \d+: .*nothing was changed.*quorate log repair/,
      );
    },
  );

  test('trap 14: LevelDB alone would open it, and with a shorter history', async () => {
    const directory = await killedLog();
    const [path] = await filesOf(directory, /\.log$/);
    const { size } = await stat(path!);
    await flip(path!, Math.floor(size / 2));
    const store = await openStore(join(directory, 'log'));
    let blocks = 0;
    for await (const [key] of pairs(store.scan({ from: Buffer.from('e/'), to: Buffer.from('e0') })))
      blocks += key.length > 0 ? 1 : 0;
    await store.close();
    expect(blocks).toBeLessThan(ENTRIES);
  });

  test('trap 14: a torn last record is dropped, counted, and the log goes on', async () => {
    const directory = await killedLog();
    const [path] = await filesOf(directory, /\.log$/);
    const { size } = await stat(path!);
    await truncate(path!, size - 100);
    const log = await openedLog(directory);
    expect(log.recovery.tornTail).toMatchObject({ file: expect.stringMatching(/\.log$/) });
    expect(log.recovery.droppedBytes).toBeGreaterThan(0);
    expect(log.bounds(MAIN).last).toBe(ENTRIES - 1);
    await log.append(MAIN, frame(ENTRIES), 'data');
    log.setCommitted(MAIN, ENTRIES);
    expect(await framesOf(log, MAIN, 1)).toHaveLength(ENTRIES);
  });

  test('trap 14: an end full of zeros is dropped too', async () => {
    const directory = await killedLog();
    const [path] = await filesOf(directory, /\.log$/);
    const { size } = await stat(path!);
    await truncate(path!, size + 20_000);
    const log = await openedLog(directory);
    expect(log.recovery.tornTail).toMatchObject({ offset: size, bytes: 20_000 });
    expect(log.bounds(MAIN).last).toBe(ENTRIES);
  });
});

const upTo = (dataBytesMax: number): ScanBounds => ({ dataBytesMax, onLong: () => undefined });

describe('a table file of LevelDB', () => {
  test.each([
    ['data', 0.05],
    ['data', 0.3],
    ['data', 0.6],
    ['data', 0.9],
    ['index', 1],
  ])(
    'a flipped byte in its %s: refused, file and byte named, nothing changed',
    async (_, share) => {
      const directory = await closedLog();
      const [table] = await filesOf(directory, /\.ldb$/);
      const { size } = await stat(table!);
      await flip(table!, Math.floor((size - 60) * share));
      await expectRefusal(
        directory,
        /\d+\.ldb, byte \d+: .*nothing was changed.*quorate log repair/,
      );
    },
  );

  test('a flipped byte in its footer: refused', async () => {
    const directory = await closedLog();
    const [table] = await filesOf(directory, /\.ldb$/);
    const { size } = await stat(table!);
    await flip(table!, size - 4);
    await expectRefusal(directory, /the footer is not that of a table/);
  });

  test('whose data lies beyond what is read after a clean exit: its frame is read nevertheless', async () => {
    const directory = await closedLog();
    const [path] = await filesOf(directory, /\.ldb$/);
    const { size } = await stat(path!);
    const store = join(directory, 'log');
    expect(await scanStore(store, upTo(size))).toMatchObject({ flaws: [], unread: 0 });
    await flip(path!, 100);
    expect(await scanStore(store, upTo(0))).toMatchObject({ flaws: [], unread: size });
    await flip(path!, size - 60);
    const { flaws } = await scanStore(store, upTo(0));
    expect(flaws).toEqual([expect.objectContaining({ file: expect.stringMatching(/\.ldb$/) })]);
  });

  test('is read to its end when the log was not closed: an abort of LevelDB is explained by the next start', async () => {
    const directory = await closedLog();
    const log = await Log.open(optionsFor(directory));
    await log.append(MAIN, frame(ENTRIES + 1), 'data');
    const killed = `${directory}-killed`;
    await cp(directory, killed, { recursive: true });
    await log.close();
    const [path] = await filesOf(killed, /\.ldb$/);
    const told: number[] = [];
    const bounds = { dataBytesMax: 0, onLong: (bytes: number) => told.push(bytes) };
    expect(await scanStore(join(killed, 'log'), bounds)).toMatchObject({ flaws: [], unread: 0 });
    const sizes = await Promise.all((await filesOf(killed, /\.ldb$/)).map((table) => stat(table)));
    expect(told).toEqual([sizes.reduce((sum, { size }) => sum + size, 0)]);
    await flip(path!, 100);
    const { flaws } = await scanStore(join(killed, 'log'), upTo(0));
    expect(flaws).toEqual([
      { file: basename(path!), offset: 0, reason: 'a data block has a bad checksum' },
    ]);
  });

  test('that is missing: refused', async () => {
    const directory = await closedLog();
    await rm((await filesOf(directory, /\.ldb$/))[0]!);
    await expectRefusal(directory, /\d+\.ldb, byte 0: it is missing/);
  });
});

describe('MANIFEST and CURRENT', () => {
  test.each([
    ['first', 0.1],
    ['last', 0.97],
  ])(
    'a flipped byte in the %s record of the manifest: refused, nothing changed',
    async (_, share) => {
      const directory = await closedLog();
      const [path] = await filesOf(directory, /^MANIFEST/);
      const { size } = await stat(path!);
      await flip(path!, Math.floor(size * share));
      await expectRefusal(directory, /MANIFEST-\d+, byte \d+/);
    },
  );

  test('a flipped byte in CURRENT: refused, nothing changed', async () => {
    const directory = await closedLog();
    await flip(join(directory, 'log', 'CURRENT'), 12);
    await expectRefusal(directory, /CURRENT.*does not name a manifest/);
  });

  test('a missing CURRENT is not an empty store', async () => {
    const directory = await closedLog();
    await rm(join(directory, 'log', 'CURRENT'));
    await expectRefusal(directory, /CURRENT.*missing/);
  });

  test('a store that was just being created has nothing to lose', async () => {
    const directory = await closedLog();
    const empty = await temporaryDirectory();
    const [manifest] = await filesOf(directory, /^MANIFEST/);
    await copyFile(manifest!, join(empty, 'MANIFEST-000001'));
    expect(await scanStore(empty)).toEqual({ torn: [], flaws: [], unread: 0 });
    expect(await scanStore(join(empty, 'none'))).toEqual({ torn: [], flaws: [], unread: 0 });
  });
});
