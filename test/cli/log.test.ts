/** Every `log` command on the directory of a node that has stopped. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { placeOf, readFrame } from '../../src/log/frame.ts';
import { asked, quorate } from './command.ts';
import {
  checksums,
  openGroup,
  temporaryDirectory,
  type Written,
  writtenDirectory,
  writtenIn,
} from './written-directory.ts';

describe('a log that is as it was written', () => {
  let written: Written;
  let before: Awaited<ReturnType<typeof checksums>>;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quorate-log-'));
    written = await writtenIn(folder);
    before = await checksums(folder);
    return () => rm(folder, { recursive: true, force: true });
  });

  test.each(['stat', 'dump', 'verify', 'replay', 'export'])(
    'log %s leaves every byte of the directory as it was, and nothing beside it',
    async (command) => {
      const { directory } = written;
      const ended = await quorate(['log', command, '--data-dir', directory]);
      expect(ended).toMatchObject({ exit: 0, err: '' });
      expect(await checksums(join(directory, '..'))).toEqual(before);
    },
  );

  test('log stat counts entries by type and by term, and names the snapshots', async () => {
    const { directory, last, snapshot } = written;
    const stat = await asked(['log', 'stat', '--data-dir', directory]);
    expect(stat).toMatchObject({ oldest: 1, last, entries: last, faults: 0 });
    expect(stat).toMatchObject({ snapshots: [snapshot], agreed_roots: 1, terms: { 1: last } });
    const types = stat['types'] as Record<string, number>;
    expect(types).toMatchObject({ acquire_lock: 400, state_root: 1, no_op: 1 });
    expect(Object.values(types).reduce((sum, count) => sum + count, 0)).toBe(last);
  });

  test('I3: log replay comes to the digest of the live node, and to its agreed root and snapshot', async () => {
    const { directory, last, digest, snapshot } = written;
    const replayed = await asked(['log', 'replay', '--data-dir', directory]);
    expect(replayed).toMatchObject({ exit: 0, index: last, entries: last, digest, decided: 0 });
    expect(replayed['comparisons']).toEqual([
      expect.objectContaining({
        index: snapshot,
        equal: true,
        with: expect.stringMatching(/agreed/),
      }),
      expect.objectContaining({
        index: snapshot,
        equal: true,
        with: 'the newest snapshot',
      }),
    ]);
  });

  test('I3: deciding again comes to the same outcomes and the same state', async () => {
    const { directory, digest, last } = written;
    const words = ['log', 'replay', '--data-dir', directory];
    const folded = await asked(words);
    const decided = await asked([...words, '--redecide']);
    expect(decided).toMatchObject({ exit: 0, digest, decided: last, stop: null });
    expect(decided['roots']).toEqual(folded['roots']);
  });

  test('log replay --until stops there', async () => {
    const replayed = await asked([
      'log',
      'replay',
      '--data-dir',
      written.directory,
      '--until',
      '100',
    ]);
    expect(replayed).toMatchObject({ index: 100, entries: 100, comparisons: [] });
  });

  test('log replay says for people what it came to', async () => {
    const { directory, digest } = written;
    const { out } = await quorate(['log', 'replay', '--data-dir', directory]);
    expect(out).toContain(digest);
    expect(out).toMatch(/entries\/s/);
    expect(out).toMatch(/equal to the root agreed in entry \d+/);
    expect(out).toMatch(/equal to the newest snapshot, at \d+/);
  });

  test('log dump shows what was asked for', async () => {
    const words = ['log', 'dump', '--data-dir', written.directory, '-o', 'ndjson'];
    const { out } = await quorate([...words, '--type', 'state_*,no_op', '--limit', '9']);
    const entries = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries.map(({ type }) => type)).toEqual(['no_op', 'state_root']);
    const range = await quorate([...words, '--from', '10', '--to', '12']);
    expect(range.out.match(/"index":\d+/g)).toEqual(['"index":10', '"index":11', '"index":12']);
  });

  test('log dump gives one array where JSON is asked for, even of nothing', async () => {
    const words = ['log', 'dump', '--data-dir', written.directory, '-o', 'json'];
    expect(JSON.parse((await quorate([...words, '--limit', '3'])).out)).toHaveLength(3);
    expect(JSON.parse((await quorate([...words, '--type', 'nothing_such'])).out)).toEqual([]);
  });

  test('log dump --raw gives the stored frames', async () => {
    const words = ['log', 'dump', '--data-dir', written.directory, '--raw', '-o', 'ndjson'];
    const { out } = await quorate([...words, '--from', '7', '--to', '7']);
    const { frame } = JSON.parse(out) as { frame: string };
    const read = readFrame(Buffer.from(frame, 'hex'), 0);
    expect(read.kind === 'frame' && placeOf(read.frame).index).toBe(7);
  });

  test('log verify checks frames, pages, snapshots and roots, and finds nothing', async () => {
    const { directory, last } = written;
    const verified = await asked(['log', 'verify', '--data-dir', directory]);
    expect(verified).toMatchObject({
      exit: 0,
      entries: last,
      snapshots: 1,
      roots_compared: 2,
      findings: [],
    });
    expect(verified['replayed']).toEqual([{ after: 0, index: last }]);
  });

  test('an export can be interrupted and resumed, and ends up as if nothing had happened', async () => {
    const { directory } = written;
    const folder = await temporaryDirectory();
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')];
    const words = ['log', 'export', '--data-dir', directory, '--out'];
    expect((await quorate([...words, whole])).exit).toBe(0);
    expect((await quorate([...words, parts, '--to', '100'])).exit).toBe(0);
    // What an interruption leaves behind the last word of the manifest.
    await writeFile(parts, '{"index":101,', { flag: 'a' });
    expect((await quorate([...words, parts, '--resume'])).exit).toBe(0);
    expect(await readFile(parts, 'utf8')).toBe(await readFile(whole, 'utf8'));
    const manifest = JSON.parse(await readFile(`${parts}.manifest.json`, 'utf8')) as unknown;
    expect(manifest).toMatchObject({ from: 1, last: written.last, complete: true });
  });

  test('an export overwrites nothing, and resumes only what it began, from the same log', async () => {
    const folder = await temporaryDirectory();
    const out = join(folder, 'main.ndjson');
    const words = ['log', 'export', '--data-dir', written.directory, '--out', out];
    expect((await quorate([...words, '--resume'])).err).toMatch(/there is no export to resume/);
    await quorate(words);
    expect(await quorate(words)).toMatchObject({ exit: 2, err: expect.stringMatching(/exists/) });
    expect((await quorate([...words, '--resume', '--format', 'raw'])).err).toMatch(
      /--format ndjson/,
    );
    const other = await writtenDirectory(20);
    const foreign = ['log', 'export', '--data-dir', other.directory, '--out', out, '--resume'];
    expect(await quorate(foreign)).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/another one/),
    });
  });

  test('log export to the output gives a line for each entry', async () => {
    const { out } = await quorate(['log', 'export', '--data-dir', written.directory]);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { index: number });
    expect(lines.map(({ index }) => index)).toEqual(lines.map((_, at) => at + 1));
    expect(lines).toHaveLength(written.last);
  });
});

describe('a log with a history', () => {
  test('entries of two lives of a node are told apart by term, and replayed as one', async () => {
    const { directory } = await writtenDirectory(60);
    const second = await openGroup(directory);
    await second.work(40);
    const digest = second.group.machine.digest();
    await second.close();
    const replayed = await asked(['log', 'replay', '--data-dir', directory, '--redecide']);
    expect(replayed).toMatchObject({ exit: 0, digest });
    const stat = await asked(['log', 'stat', '--data-dir', directory]);
    expect(Object.keys(stat['terms'] as object)).toEqual(['1', '2']);
  });

  test('a log whose beginning was trimmed is replayed from a snapshot', async () => {
    const directory = join(await temporaryDirectory(), 'data');
    const { group, work, close } = await openGroup(directory, { kind: 'entries', entries: 10 });
    await work(100);
    const snapshot = await group.snapshots.take();
    await work(100);
    const digest = group.machine.digest();
    await close();
    const stat = await asked(['log', 'stat', '--data-dir', directory]);
    expect(stat['oldest']).toBeGreaterThan(1);
    const replayed = await asked(['log', 'replay', '--data-dir', directory]);
    expect(replayed).toMatchObject({ exit: 0, after: snapshot, digest });
    expect(await asked(['log', 'verify', '--data-dir', directory])).toMatchObject({ exit: 0 });
  });

  test('an empty log is fine', async () => {
    const directory = join(await temporaryDirectory(), 'data');
    const { close } = await openGroup(directory);
    await close();
    for (const command of ['stat', 'verify', 'replay', 'dump'])
      expect((await quorate(['log', command, '--data-dir', directory])).exit).toBe(0);
  });
});

describe('a directory that cannot be read', () => {
  test('one without a log is named, with what to say instead', async () => {
    const directory = await temporaryDirectory();
    const ended = await quorate(['log', 'stat', '--data-dir', directory]);
    expect(ended.exit).toBe(2);
    expect(ended.err).toMatch(/there is no log in .*--data-dir.*--url/);
    expect(await checksums(directory)).toEqual({});
  });

  test('one whose node is running is refused with the address of the node', async () => {
    const { directory } = await writtenDirectory(20);
    const url = 'http://127.0.0.1:8770';
    // The parent of this process is as alive as a node would be.
    await writeFile(join(directory, 'node.json'), JSON.stringify({ pid: process.ppid, url }));
    const ended = await quorate(['log', 'stat', '--data-dir', directory]);
    expect(ended.exit).toBe(2);
    expect(ended.err).toContain(url);
  });

  test('I3: a job that was sealed is audited by the rules of jobs, which main has not', async () => {
    const directory = join(await temporaryDirectory(), 'data');
    const job = { id: 'job/1', incarnation: 7 };
    const { group, work, close } = await openGroup(directory, { kind: 'all' }, job);
    await work(20);
    await group.propose({ type: 'seal', data: {}, actor: 'test' }, 'control');
    await group.snapshots.take();
    await work(2);
    const digest = group.machine.digest();
    await close();
    const words = ['--data-dir', directory, '--group', job.id];
    expect(await asked(['log', 'verify', ...words])).toMatchObject({ exit: 0 });
    const replayed = await asked(['log', 'replay', ...words]);
    expect(replayed).toMatchObject({ exit: 0, digest });
    expect(replayed['comparisons']).not.toEqual([]);
  });

  test('an unknown group is named together with those there are', async () => {
    const { directory } = await writtenDirectory(20);
    const ended = await quorate(['log', 'stat', '--data-dir', directory, '--group', 'job/1']);
    expect(ended).toMatchObject({ exit: 2, err: expect.stringMatching(/no group job\/1.*main/) });
  });
});
