/** Drills keep up with the source: a defence that was written anew is drilled anew, and no known bug is forgotten. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { BUGS } from '../../tools/drill/bugs.ts';
import { type Catcher, recorded } from '../../tools/drill/catchers.ts';
import { copyOf, drop } from '../../tools/drill/copies.ts';
import { judged } from '../../tools/drill/judging.ts';
import { isOfCore } from '../../tools/drill/mutation.ts';
import { MUTATIONS } from '../../tools/drill/mutations.ts';
import { failing } from '../../tools/drill/noticing.ts';
import { ran } from '../../tools/drill/processes.ts';
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

test('what noticed a mutation before is tried alone, and all else where it does not any more', async () => {
  const mutation = MUTATIONS.find(({ name }) => name === 'told-of-another-entry')!;
  const [root, none] = [copied(), { cores: 1, wholeNodes: 1 }];
  const known = { scenario: 'told-of-what-it-lacks.txt' };
  const again = await judged(root, mutation, none, known);
  expect(again).toMatchObject({ kind: 'caught', by: 'again told-of-what-it-lacks' });
  const other = { scenario: 'constrained-election.txt' };
  const searched = await judged(root, mutation, none, other);
  expect(searched).toMatchObject({ kind: 'caught', by: 'told-of-what-it-lacks', catcher: known });
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
