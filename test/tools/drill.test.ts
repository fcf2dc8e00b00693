/** Drills keep up with the source: a defence that was written anew is drilled anew, and no known bug is forgotten. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { BUGS } from '../../tools/drill/bugs.ts';
import { type Catcher, recorded } from '../../tools/drill/catchers.ts';
import { copyOf, drop } from '../../tools/drill/copies.ts';
import { judged } from '../../tools/drill/judging.ts';
import { isOfCore, type Mutation } from '../../tools/drill/mutation.ts';
import { MUTATIONS } from '../../tools/drill/mutations.ts';
import { attempted, CORES, failing, type Noticed } from '../../tools/drill/noticing.ts';
import { ran } from '../../tools/drill/processes.ts';
import { SoundTree } from '../../tools/drill/sound-tree.ts';
import { until } from '../end-to-end/condition.ts';

const PROJECT = join(import.meta.dirname, '../..');

test('every mutation still finds its one place in the source', () => {
  const lost = MUTATIONS.flatMap(({ name, patches }) =>
    patches
      .filter(
        ({ file, find }) =>
          readFileSync(join(PROJECT, 'src', file), 'utf8').split(find).length !== 2,
      )
      .map(({ file }) => `${name}: ${file}`),
  );
  expect(lost).toEqual([]);
});

test('every mutation has a name of its own and says what goes wrong', () => {
  expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
  expect(MUTATIONS.filter(({ why }) => !why.endsWith('.'))).toEqual([]);
});

test('every bug has a number of its own, a sentence and a source', () => {
  const numbers = BUGS.map(({ number }) => number);
  expect(numbers).toEqual([...new Set(numbers)].sort());
  expect(numbers.filter((number) => !/^B\d\d$/.test(number))).toEqual([]);
  expect(BUGS.filter(({ what, source }) => !what.endsWith('.') || source === '')).toEqual([]);
});

test('every bug is made by a mutation, or looked for by a test, or cannot be here, and only one of these', () => {
  const made = new Set(MUTATIONS.flatMap(({ bugs }) => bugs));
  const ways = BUGS.map(({ number, tests, absent }) => ({
    number,
    ways: [made.has(number), tests !== undefined, absent !== undefined].filter(Boolean).length,
  }));
  expect(ways.filter((bug) => bug.ways !== 1)).toEqual([]);
});

test('mutations name bugs that are listed, and test files are named that are there', () => {
  const listed = new Set(BUGS.map(({ number }) => number));
  const bugs = MUTATIONS.flatMap((mutation) => mutation.bugs);
  expect(bugs.filter((number) => !listed.has(number))).toEqual([]);
  const tests = [...MUTATIONS, ...BUGS].flatMap((one) => one.tests ?? []);
  expect(tests.filter((file) => !existsSync(join(PROJECT, file)))).toEqual([]);
  // Scenarios and seeds of cores judge the core; files that are named there would not be run.
  expect(MUTATIONS.filter((one) => isOfCore(one) && one.tests !== undefined)).toEqual([]);
});

test('what noticed each mutation is on record, for builds, and is still there', () => {
  const catchers = recorded();
  const names = MUTATIONS.map(({ name }) => name);
  expect([...catchers.keys()].filter((name) => !names.includes(name))).toEqual([]);
  const unknown = MUTATIONS.filter(({ excused }) => excused === undefined);
  expect(unknown.map(({ name }) => name).filter((name) => !catchers.has(name))).toEqual([]);
  expect([...catchers.values()].filter((catcher) => !isThere(catcher))).toEqual([]);
});

function isThere(catcher: Catcher): boolean {
  if ('seed' in catcher) return catcher.seed > 0;
  if ('test' in catcher) return existsSync(join(PROJECT, catcher.test));
  return existsSync(join(PROJECT, 'test/conformance/raft/scenarios', catcher.scenario));
}

/** The tree as it is. */
function copied(): string {
  const root = copyOf();
  onTestFinished(() => drop(root));
  return root;
}

/** What is written here is part of the tree as it is. */
function treeWith(files: Readonly<Record<string, string>>) {
  const root = copied();
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
  const failed: string[] = [];
  return { tree: new SoundTree(root, (what) => failed.push(what)), failed };
}

const FEW = { cores: 1, wholeNodes: 1 };
const TOLD = MUTATIONS.find(({ name }) => name === 'told-of-another-entry')!;

test('what noticed a mutation before is tried alone, and all else where it does not any more', async () => {
  const { tree, failed } = treeWith({});
  const known = { scenario: 'told-of-what-it-lacks.txt' };
  const again = await judged(tree, TOLD, FEW, known);
  expect(again).toMatchObject({ kind: 'caught', by: 'again told-of-what-it-lacks' });
  const other = { scenario: 'constrained-election.txt' };
  const searched = await judged(tree, TOLD, FEW, other);
  expect(searched).toMatchObject({ kind: 'caught', by: 'told-of-what-it-lacks', catcher: known });
  expect(failed).toEqual([]);
});

test('a scenario that fails where nothing is taken away has noticed nothing, and another may have', async () => {
  const { tree, failed } = treeWith({
    'test/conformance/raft/scenarios/a-stale-one.txt': 'nodes a\nexpect a role leader\n',
  });
  const verdict = await judged(tree, TOLD, FEW, { scenario: 'constrained-election.txt' });
  expect(verdict).toMatchObject({
    kind: 'caught',
    by: 'told-of-what-it-lacks',
    catcher: { scenario: 'told-of-what-it-lacks.txt' },
  });
  expect(failed).toEqual(['a-stale-one']);
});

/** Takes nothing away. */
const HARMLESS: Mutation = {
  name: 'harmless',
  why: 'Nothing goes wrong.',
  bugs: [],
  patches: [
    {
      file: 'protocols/raft/tick-health.ts',
      find: 'const LATE_MS: Milliseconds = 50;',
      replace: 'const LATE_MS: Milliseconds = 50 + 0;',
    },
  ],
  tests: ['test/fails-anyway.test.ts'],
};

const FAILS_ANYWAY = `
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
test('reads what was not copied', () => void readFileSync('README.md'));
`;

test('a test that fails where nothing is taken away has noticed nothing', async () => {
  const { tree, failed } = treeWith({ 'test/fails-anyway.test.ts': FAILS_ANYWAY });
  expect(await judged(tree, HARMLESS, FEW)).toEqual({ kind: 'survived' });
  expect(failed).toEqual(['test/fails-anyway.test.ts']);
});

test('what passed once where nothing is taken away is believed from then on, unless it was late', async () => {
  const scenario = 'told-of-what-it-lacks.txt';
  const { tree } = treeWith({});
  const noticed: Noticed = {
    by: 'in words',
    seeds: undefined,
    catchers: [{ scenario }],
    isByTime: false,
  };
  const caught = { kind: 'caught', by: 'in words', seeds: undefined, catcher: { scenario } };
  expect(await tree.believed(noticed, CORES)).toEqual(caught);
  writeFileSync(join(tree.root, 'test/conformance/raft/scenarios', scenario), 'nonsense');
  expect(await tree.believed(noticed, CORES)).toEqual(caught);
  expect(await tree.believed({ ...noticed, isByTime: true }, CORES)).toBeUndefined();
});

test('what a drill begins with is not tried again', async () => {
  const { tree } = treeWith({});
  const known = { scenario: 'told-of-what-it-lacks.txt' };
  await tree.expectSound([TOLD], new Map([[TOLD.name, known]]));
  writeFileSync(join(tree.root, 'test/conformance/raft/scenarios', known.scenario), 'nonsense');
  const noticed = await attempted(tree.root, CORES, { scenarios: [known.scenario], seeds: [] });
  expect(noticed).toMatchObject({ catchers: [known], isByTime: false });
  expect(await tree.believed(noticed!, CORES)).toMatchObject({ catcher: known });
});

const WAITS = `
import { test } from 'vitest';
import { until } from './end-to-end/condition.ts';
test('waits for what does not come', () => until('it comes', () => false, 10));
`;
const HANGS = `
import { test } from 'vitest';
test('hangs', () => new Promise(() => {}), 100);
`;

test.each([
  ['waits for too long', WAITS, true],
  ['hangs', HANGS, true],
  ['fails', FAILS_ANYWAY, false],
])('a test that %s is known for that', async (_what, text, isByTime) => {
  const { tree } = treeWith({ 'test/planted.test.ts': text });
  expect(await failing(tree.root, ['test/planted.test.ts'])).toMatchObject({ isByTime });
});

test('where a mutation names no test files, none are run', async () => {
  expect(await failing(copied(), [])).toBeUndefined();
});

test('a process that spins in silence is ended, with those that it started', async () => {
  const spin = 'for (;;) {}';
  const start = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(spin)}], { stdio: 'ignore' }).pid`;
  const { said, wasSilent } = await ran(['-e', `console.log(${start}); ${spin}`], PROJECT, 2_000);
  expect(wasSilent).toBe(true);
  const child = Number(said);
  expect(child).toBeGreaterThan(0);
  await until('what it started is gone', () => !isRunning(child));
});

test('a process is not ended because whoever listens stood still', async () => {
  const speak = `let said = 0; setInterval(() => { console.log(said += 1); if (said === 40) process.exit(); }, 100);`;
  const speaking = ran(['-e', speak], PROJECT, 2_000);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000);
  expect(await speaking).toMatchObject({ wasSilent: false, code: 0 });
});

function isRunning(pid: number): boolean {
  try {
    // One that has ended and is waited for by nobody still has its number.
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

test('a drill takes a defence away in a copy and says what notices, and which bug it was', async () => {
  const words = ['tools/drill/drill.ts', '--only', 'told-of-another-entry', '--seeds', '5'];
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', ...words], {
    cwd: PROJECT,
  });
  expect(stdout).toMatch(/B35 +told-of-another-entry +told-of-what-it-lacks/);
  expect(stdout).toContain('1 of 1 noticed or explained');
}, 300_000);

test('a drill of nothing is refused', async () => {
  const words = ['tools/drill/drill.ts', '--tier', 'build', '--only', 'no-such-mutation'];
  const drilled = promisify(execFile)(process.execPath, ['--import', 'tsx', ...words], {
    cwd: PROJECT,
  });
  await expect(drilled).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('choose none of the mutations'),
  });
});
