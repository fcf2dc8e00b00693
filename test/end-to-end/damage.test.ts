/**
 * Bits rot in files that a real node wrote. Whatever byte it is: the node starts with everything it had
 * acknowledged, or it does not start and says what is wrong and what `quorate log repair` can do. It never
 * goes on with less than it promised.
 */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { scanRecords } from '../../src/log/leveldb-records.ts';
import { fetched } from './ask.ts';
import { contentOf, copyOf } from './directory-copy.ts';
import { audited, Ledger, NO_BREACHES } from './ledger.ts';
import { recordsIn } from './leveldb-records.ts';
import { Load } from './load.ts';
import { NodeProcess } from './node-process.ts';
import { expectOneClearLine } from './one-clear-line.ts';

const DISK_FAULT = 74;
const PLACES_TRIED = 24;
/** An `.ldb` file ends in a footer; its index block lies before it, closed by a trailer. */
const FOOTER_BYTES = 48;
const TRAILER_BYTES = 5;

interface Evidence {
  readonly folder: string;
  readonly directory: string;
  readonly ledger: Ledger;
}

let evidence: Promise<Evidence> | undefined;

afterAll(async () => {
  const folder = (await evidence)?.folder;
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

/** A kill may fall into a write of the node's own; how often it may until that is no accident. */
const KILLS_MAX = 10;

/**
 * What some lives of a node left: the first became an `.ldb`, the last is in `.log`, ended by a kill that
 * cut no record short: where a test wants a torn record, it makes one.
 */
async function someLives(): Promise<Evidence> {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-damage-'));
  const directory = join(folder, 'data');
  const ledger = new Ledger();
  await live(directory, ledger, 'stop');
  for (let kills = 0; kills < KILLS_MAX; kills++) {
    await live(directory, ledger, 'kill');
    const file = await fileIn(join(directory, 'log'), /\.log$/);
    if (scanRecords(await readFile(file)).kind === 'whole') return { folder, directory, ledger };
  }
  throw new Error(`${KILLS_MAX} kills, and each cut a record short`);
}

async function live(directory: string, ledger: Ledger, end: 'stop' | 'kill'): Promise<void> {
  const node = await NodeProcess.start({ directory });
  const load = await Load.start(node.url, { ledger, http: 4, pipelined: 8 });
  await load.reaches(600);
  await load.stop();
  await node[end]();
}

function evidenceOnce(): Promise<Evidence> {
  evidence ??= someLives();
  return evidence;
}

interface Verdict {
  readonly kind: 'started' | 'refused';
  /** Whether every byte of the directory is as it was before the node was started on it. */
  readonly isUntouched: boolean;
}

const REFUSED: Verdict = { kind: 'refused', isUntouched: true };

/** Starts a node on a damaged copy: everything is there, or it refuses and says so. */
async function expectNothingSilentlyLess(damage: (log: string) => Promise<void>): Promise<Verdict> {
  const { directory: original, ledger } = await evidenceOnce();
  const directory = await copyOf(original);
  await damage(join(directory, 'log'));
  const before = await contentOf(directory);
  const node = NodeProcess.launch({ directory });
  const isUp = await node.listening().then(
    () => true,
    () => false,
  );
  if (isUp) {
    expect(await audited(node.url, ledger)).toEqual(NO_BREACHES);
    return { kind: 'started', isUntouched: false };
  }
  const { code, signal } = await node.ended();
  expect({ code, signal, said: node.output }).toMatchObject({ code: DISK_FAULT, signal: null });
  expectOneClearLine(node.output, /quorate log repair/);
  return { kind: 'refused', isUntouched: isDeepStrictEqual(await contentOf(directory), before) };
}

async function fileIn(log: string, ending: RegExp): Promise<string> {
  const names = (await readdir(log)).filter((name) => ending.test(name)).toSorted();
  const last = names.at(-1);
  assert(last !== undefined, `a file ${ending} lies in the log`);
  return join(log, last);
}

/** Turns one bit of the byte that `at` chooses. */
async function flip(file: string, at: (bytes: Buffer) => number): Promise<void> {
  const bytes = await readFile(file);
  const offset = at(bytes);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 0x10, offset);
  await writeFile(file, bytes);
}

/** The middle of one record of a LevelDB log. */
function inRecord(share: number): (bytes: Buffer) => number {
  return (bytes) => {
    const records = recordsIn(bytes);
    const record = records[Math.round(share * (records.length - 1))];
    assert(record !== undefined && records.length > 10, 'the log has records');
    return record.offset + Math.floor(record.bytes / 2);
  };
}

test.each([
  ['first', 0],
  ['middle', 0.5],
  ['last', 1],
])(
  'trap 14: a flipped bit in the %s record of the .log is refused, and the evidence stays as it is',
  async (_which, share) => {
    const result = await expectNothingSilentlyLess(async (log) => {
      await flip(await fileIn(log, /\.log$/), inRecord(share));
    });
    expect(result).toEqual(REFUSED);
  },
);

test('trap 14: a record that a crash cut short is dropped and counted, and everything acknowledged is there', async () => {
  const { directory: original, ledger } = await evidenceOnce();
  const directory = await copyOf(original);
  const file = await fileIn(join(directory, 'log'), /\.log$/);
  const bytes = await readFile(file);
  const [model] = recordsIn(bytes);
  assert(model !== undefined, 'the log has records');
  const torn = bytes.subarray(model.offset, model.offset + Math.floor(model.bytes / 2));
  await appendFile(file, torn);

  const node = await NodeProcess.start({ directory });
  expect(await audited(node.url, ledger)).toEqual(NO_BREACHES);
  const { recovery } = await fetched(`${node.url}/status`);
  expect(recovery).toMatchObject({ dropped_bytes: torn.length, unclean_exit: true });
});

test('zeros that a crash left at the end of the .log are no damage', async () => {
  const result = await expectNothingSilentlyLess(async (log) => {
    await appendFile(await fileIn(log, /\.log$/), Buffer.alloc(4096));
  });
  expect(result.kind).toBe('started');
});

const PLACES: readonly (readonly [string, RegExp, (bytes: Buffer) => number])[] = [
  ['the first data block of an .ldb', /\.ldb$/, () => 64],
  ['the middle of an .ldb', /\.ldb$/, (bytes) => Math.floor(bytes.length / 2)],
  ['the index of an .ldb', /\.ldb$/, (bytes) => bytes.length - FOOTER_BYTES - TRAILER_BYTES - 8],
  ['the footer of an .ldb', /\.ldb$/, (bytes) => bytes.length - 4],
  ['the first record of the MANIFEST', /^MANIFEST-/, () => 16],
  ['the last record of the MANIFEST', /^MANIFEST-/, (bytes) => bytes.length - 2],
  ['CURRENT', /^CURRENT$/, () => 10],
];

test.each(PLACES)(
  'trap 14: a flipped bit in %s is refused in one clear line, and the evidence stays as it is',
  async (_place, file, at) => {
    const result = await expectNothingSilentlyLess(async (log) =>
      flip(await fileIn(log, file), at),
    );
    expect(result).toEqual(REFUSED);
  },
);

test('a flipped bit at any of twenty-four places anywhere is refused in one clear line, or nothing depends on it', async () => {
  const results: string[] = [];
  for (let place = 0; place < PLACES_TRIED; place += 1) {
    const share = (place + Math.random()) / PLACES_TRIED;
    const { kind } = await expectNothingSilentlyLess(async (log) => flipAnywhere(log, share));
    results.push(kind);
  }
  const refused = results.filter((kind) => kind === 'refused').length;
  console.log(`${PLACES_TRIED} places: ${refused} refused`);
  // The zeros in the footer of a table and at the end of the .log are few.
  expect(refused).toBeGreaterThan(PLACES_TRIED / 2);
});

/** `share`: where in all the bytes of LevelDB's own files, laid end to end. */
async function flipAnywhere(log: string, share: number): Promise<void> {
  const names = (await readdir(log)).filter((name) =>
    /\.log$|\.ldb$|^MANIFEST|^CURRENT/.test(name),
  );
  const sized = await Promise.all(
    names
      .toSorted()
      .map(async (name) => ({ name, bytes: (await readFile(join(log, name))).length })),
  );
  let offset = Math.floor(share * sized.reduce((sum, { bytes }) => sum + bytes, 0));
  for (const { name, bytes } of sized) {
    if (offset < bytes) return flip(join(log, name), () => offset);
    offset -= bytes;
  }
}

test('a lost MANIFEST, CURRENT, .log or .ldb is noticed', async () => {
  for (const file of [/^MANIFEST-/, /^CURRENT$/, /\.log$/, /\.ldb$/]) {
    const result = await expectNothingSilentlyLess(async (log) => rm(await fileIn(log, file)));
    expect(result, String(file)).toEqual(REFUSED);
  }
});
