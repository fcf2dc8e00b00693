/** Damage planted in a stopped node's directory, and what the audits say of it. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { blockOf, encodeBlock } from '../../src/log/block.ts';
import { decodeEntry, encodeCommand, packr } from '../../src/log/command.ts';
import { sealFrame } from '../../src/log/frame.ts';
import { numberOf } from '../../src/log/keys.ts';
import { decodeOutcomePage, encodeOutcomePage } from '../../src/log/outcome-page.ts';
import { splitFrames } from '../../src/log/split-frames.ts';
import type { Pair } from '../../src/log/store.ts';
import type { Finding } from '../../src/projections/history/evidence.ts';
import { asked, quorate } from './command.ts';
import { checksums, tamper, temporaryDirectory, writtenDirectory } from './written-directory.ts';

async function verified(directory: string) {
  const before = await checksums(directory);
  const ended = await asked(['log', 'verify', '--data-dir', directory]);
  expect(await checksums(directory)).toEqual(before);
  return { exit: ended.exit, findings: ended['findings'] as Finding[], data: ended };
}

function flipped(bytes: Buffer, offset: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[offset] = (copy[offset] as number) ^ 0x10;
  return copy;
}

/** Flips a bit of the command of one entry. @returns where the entry's frame begins in its block */
async function flipEntry(
  directory: string,
  index: number,
): Promise<{ block: number; offset: number }> {
  let place = { block: 0, offset: 0 };
  await tamper(directory, 'block', (pair) => {
    const block = blockOf(...pair);
    if (index < block.first || index > block.last) return pair[1];
    const before = splitFrames(block.frames).slice(0, index - block.first);
    const offset = 8 + before.reduce((sum, frame) => sum + frame.length, 0);
    place = { block: block.first, offset };
    return flipped(pair[1], offset + 40);
  });
  return place;
}

test('a flipped bit in an entry is named with the index of the entry and the byte of its frame', async () => {
  const { directory } = await writtenDirectory(60);
  const { block, offset } = await flipEntry(directory, 23);
  const { exit, findings } = await verified(directory);
  expect(exit).toBe(4);
  expect(findings).toEqual([
    {
      group: 'main',
      index: 23,
      where: `block ${block}`,
      offset,
      problem: 'the frame has a checksum mismatch',
    },
  ]);
});

test('all damage is named, not only the first, and what lies behind it is replayed from the snapshot', async () => {
  const { directory, snapshot, last } = await writtenDirectory(60);
  for (const index of [7, 9, 30]) await flipEntry(directory, index);
  const { exit, findings, data } = await verified(directory);
  expect(exit).toBe(4);
  expect(findings.map(({ index }) => index)).toEqual([7, 9, 30]);
  expect(data['replayed']).toEqual([
    { after: 0, index: 6 },
    { after: snapshot, index: last },
  ]);
});

test('a replay stops before the damage, says so, and says what to do', async () => {
  const { directory } = await writtenDirectory(60);
  await flipEntry(directory, 23);
  const ended = await quorate(['log', 'replay', '--data-dir', directory]);
  expect(ended.exit).toBe(4);
  expect(ended.out).toMatch(/stops before entry 23: .*checksum/);
  expect(ended.out).toMatch(/quorate log verify/);
  expect(ended.out).toMatch(/quorate log repair/);
});

test('dump and export give what is whole, name what is not, and end accordingly', async () => {
  const { directory, last } = await writtenDirectory(20);
  await flipEntry(directory, 5);
  const dumped = await quorate(['log', 'dump', '--data-dir', directory, '-o', 'ndjson']);
  const exported = await quorate(['log', 'export', '--data-dir', directory]);
  for (const { exit, out, err } of [dumped, exported]) {
    expect(exit).toBe(4);
    expect(out.trim().split('\n')).toHaveLength(last - 1);
    expect(err).toMatch(/entry 5, block \d+, byte \d+: /);
  }
});

test('missing entries are named from the first to the last', async () => {
  const { directory } = await writtenDirectory(60);
  let gone = { first: 0, last: 0 };
  await tamper(directory, 'block', (pair, at) => {
    if (at !== 5) return pair[1];
    gone = blockOf(...pair);
    return undefined;
  });
  const { exit, findings } = await verified(directory);
  expect(exit).toBe(4);
  const what =
    gone.first === gone.last
      ? `entry ${gone.first} is missing`
      : `entries ${gone.first} to ${gone.last} are missing`;
  expect(findings).toEqual([
    expect.objectContaining({ index: gone.first, where: `block ${gone.last + 1}`, problem: what }),
  ]);
});

test('entries missing at the end are missed, because the batch chain knows of them', async () => {
  const { directory, last } = await writtenDirectory(20);
  const firsts: number[] = [];
  await tamper(directory, 'block', ([key, value]) => {
    firsts.push(numberOf(key));
    return value;
  });
  const newest = firsts.at(-1) as number;
  await tamper(directory, 'block', ([key, value]) =>
    numberOf(key) === newest ? undefined : value,
  );
  const { exit, findings } = await verified(directory);
  expect(exit).toBe(4);
  expect(findings).toEqual([expect.objectContaining({ index: newest, where: 'log' })]);
  expect(findings[0]?.problem).toMatch(newest === last ? /is missing/ : /are missing/);
});

test('a damaged outcome page is named, and its outcomes are decided again', async () => {
  const { directory, digest } = await writtenDirectory();
  await tamper(directory, 'page', ([, value], at) => (at === 0 ? flipped(value, 200) : value));
  const { exit, findings } = await verified(directory);
  expect(exit).toBe(4);
  expect(findings).toEqual([
    expect.objectContaining({ index: 1, where: 'outcome page 0', problem: 'checksum mismatch' }),
  ]);
  const replayed = await asked(['log', 'replay', '--data-dir', directory]);
  expect(replayed).toMatchObject({ exit: 0, digest, decided: 256 });
});

/** Rewrites the outcome of one entry as somebody would who knows the format. */
function otherOutcome([, value]: Pair, place: number): Buffer {
  const read = decodeOutcomePage(value);
  if (read.kind === 'damaged') throw new Error(read.reason);
  const outcomes = read.outcomes.map((outcome, at) =>
    at === place
      ? packr.pack({ kind: 'refused', code: 'forbidden', detail: 'never happened' })
      : outcome,
  );
  return encodeOutcomePage({ page: read.page, outcomes, previousDigest: read.previousDigest });
}

test('an outcome rewritten with all checksums right is found by the pages behind it and by the agreed root', async () => {
  const { directory, snapshot } = await writtenDirectory();
  await tamper(directory, 'page', (pair, at) => (at === 0 ? otherOutcome(pair, 4) : pair[1]));
  const { exit, findings } = await verified(directory);
  expect(exit).toBe(4);
  const problems = findings.map(({ where, problem }) => `${where}: ${problem}`);
  expect(problems).toContain('outcome page 1: it does not follow the page before it');
  expect(problems).toContainEqual(
    expect.stringMatching(
      new RegExp(`state_root entry \\d+: by replay, the state at ${snapshot} has another digest`),
    ),
  );
});

test('deciding again names the first entry whose recorded outcome was changed, and both outcomes', async () => {
  const { directory } = await writtenDirectory(60);
  await tamper(directory, 'page', (pair) => otherOutcome(pair, 4));
  const words = ['log', 'replay', '--data-dir', directory, '--redecide'];
  const replayed = await asked(words);
  expect(replayed.exit).toBe(1);
  expect(replayed['stop']).toMatchObject({
    kind: 'difference',
    index: 5,
    recorded: { kind: 'refused', detail: 'never happened' },
  });
  const { out } = await quorate(words);
  expect(out).toMatch(/entry 5 \(\w+\) is the first that is decided otherwise/);
  expect(out).toMatch(/recorded: .*never happened/);
  expect(out).toMatch(/decided: {2}\{/);
});

test('a command rewritten with all checksums right is decided otherwise than it was', async () => {
  const { directory } = await writtenDirectory(60);
  await tamper(directory, 'block', ([key, value]) => {
    const frames = splitFrames(blockOf(key, value).frames).map((frame) => forged(frame));
    return encodeBlock(
      key,
      frames,
      frames.reduce((sum, frame) => sum + frame.length, 0),
    );
  });
  const replayed = await asked(['log', 'replay', '--data-dir', directory, '--redecide']);
  expect(replayed).toMatchObject({ exit: 1, stop: { kind: 'difference', index: 2 } });
});

/** Another owner in the second entry. */
function forged(frame: Buffer): Buffer {
  const { term, index, at, ...command } = decodeEntry(frame);
  if (index !== 2) return frame;
  const other = encodeCommand({ ...command, data: { ...command.data, owner: 'mallory' } });
  sealFrame(other, { term, index, at });
  return other;
}

test('a damaged snapshot is named by its path', async () => {
  const { directory, snapshot } = await writtenDirectory(60);
  const path = join(directory, 'snapshots', 'main@0', `${snapshot}.snapshot`);
  await writeFile(path, flipped(await readFile(path), 100));
  const { exit, findings } = await verified(directory);
  expect(exit).toBe(4);
  expect(findings).toEqual([expect.objectContaining({ index: snapshot, where: path })]);
  expect(findings[0]?.problem).toMatch(/is damaged/);
});

test('trap 14: a bad record in the middle of LevelDB’s own log is named with file and byte before anything is opened', async () => {
  const { directory } = await writtenDirectory(60);
  const store = join(directory, 'log');
  const file = (await readdir(store)).find((name) => name.endsWith('.log')) as string;
  const bytes = await readFile(join(store, file));
  await writeFile(join(store, file), flipped(bytes, 2_000));
  const { exit, findings } = await verified(directory);
  expect(exit).toBe(4);
  expect(findings[0]).toMatchObject({ where: file, index: 0 });
  expect(findings[0]?.offset).toBeLessThanOrEqual(2_000);
  for (const command of ['stat', 'replay'])
    expect((await quorate(['log', command, '--data-dir', directory])).exit).toBe(4);
});

test('trap 14: a tail cut off in the middle of a record is no damage', async () => {
  const { directory } = await writtenDirectory(60);
  const store = join(directory, 'log');
  const file = (await readdir(store)).find((name) => name.endsWith('.log')) as string;
  const bytes = await readFile(join(store, file));
  await writeFile(join(store, file), bytes.subarray(0, bytes.length - 3));
  const { exit, findings } = await verified(directory);
  expect(findings).toEqual([]);
  expect(exit).toBe(0);
});

test('a store whose files LevelDB cannot read is corrupt, and all that is known of it is said', async () => {
  const { directory } = await writtenDirectory(20);
  const store = join(directory, 'log');
  const manifest = (await readdir(store)).find((name) => name.startsWith('MANIFEST')) as string;
  const path = join(store, manifest);
  await writeFile(path, flipped(await readFile(path), 12));
  const ended = await quorate(['log', 'verify', '--data-dir', directory]);
  expect(ended.exit).toBe(4);
  expect(`${ended.out}${ended.err}`).toContain(manifest);
});

/** Turns the directory's `.log` into a table, as the next start of a node would. @returns the table's path */
async function tableOf(directory: string): Promise<string> {
  await tamper(directory, 'block', ([, value]) => value);
  const store = join(directory, 'log');
  const tables = (await readdir(store)).filter((name) => name.endsWith('.ldb')).toSorted();
  return join(store, String(tables.at(-1)));
}

test('trap 14: a rotten table is named with file and block, and what lies in its other blocks is audited all the same', async () => {
  const { directory, last } = await writtenDirectory();
  const path = await tableOf(directory);
  const bytes = await readFile(path);
  await writeFile(path, flipped(bytes, Math.floor(bytes.length / 2)));
  const { exit, findings } = await verified(directory);
  expect(exit).toBe(4);
  expect(findings[0]).toMatchObject({
    where: path.slice(join(directory, 'log').length + 1),
    index: 0,
    problem: 'a data block has a bad checksum',
  });
  expect(findings[0]?.offset).toBeLessThanOrEqual(bytes.length / 2);
  expect(findings[0]?.offset).toBeGreaterThan(0);
  const stat = await asked(['log', 'stat', '--data-dir', directory]);
  expect(stat).toMatchObject({ exit: 4 });
  const dumped = await quorate(['log', 'dump', '--data-dir', directory, '-o', 'ndjson']);
  expect(dumped.out.trim().split('\n').length).toBeGreaterThan(last / 4);
});

test('trap 14: a table whose index is rotten loses nothing in a repair', async () => {
  const { directory, last } = await writtenDirectory(60);
  const path = await tableOf(directory);
  const bytes = await readFile(path);
  await writeFile(path, flipped(bytes, bytes.length - 60));
  const before = await checksums(directory);
  const target = join(await temporaryDirectory(), 'repaired');
  const ended = await quorate(['log', 'repair', '--data-dir', directory, '--to', target]);
  expect(ended.exit).toBe(0);
  expect(await checksums(directory)).toEqual(before);
  const stat = await asked(['log', 'stat', '--data-dir', target]);
  expect(stat).toMatchObject({ exit: 0, last, faults: 0 });
});

test('log repair writes what can be proved to a new directory, says what is lost, and changes nothing', async () => {
  const { directory } = await writtenDirectory(60);
  await flipEntry(directory, 23);
  const before = await checksums(directory);
  const target = join(await temporaryDirectory(), 'repaired');
  const ended = await quorate(['log', 'repair', '--data-dir', directory, '--to', target]);
  expect(ended.exit).toBe(1);
  expect(ended.out).toMatch(/1 to 22/);
  expect(ended.out).toMatch(/from 23/);
  expect(await checksums(directory)).toEqual(before);
  const stat = await asked(['log', 'stat', '--data-dir', target]);
  expect(stat).toMatchObject({ exit: 0, last: 22, faults: 0 });
  expect((await quorate(['log', 'repair', '--data-dir', directory, '--to', target])).err).toMatch(
    /not empty/,
  );
});
