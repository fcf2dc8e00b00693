/** Runs scenarios, seeds and test files in a copy of the tree, and says what of them notices that something is wrong. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Catcher } from './catchers.ts';
import { type Ended, ran } from './processes.ts';
import { type Attempt, lastOf, type Tries } from './tries.ts';

export const CORES = 'tools/drill/attempt.ts';
export const WHOLE_NODES = 'tools/drill/attempt-whole.ts';
export type AttemptFile = typeof CORES | typeof WHOLE_NODES;
export const CORE_TESTS = 'test/protocols/raft/core';
/** An attempt speaks before each scenario and each seed: one that does not come to rest is caught by that. */
const TRY_MS_MOST = 60_000;
/** So is one that needs more. */
const MEMORY_MOST = '--max-old-space-size=1024';
/** Test files are silent until their end; of one that is named, the above holds. */
const TESTS_MS_MOST = 180_000;

export interface Noticed {
  /** In words. */
  readonly by: string;
  /** How many seeds it took; undefined: no seed noticed it, or it was not counted. */
  readonly seeds: number | undefined;
  /** Each is enough to notice it again; the quickest first. */
  readonly catchers: readonly Catcher[];
  /** Something was not done in time, or never. */
  readonly isByTime: boolean;
}

/** Tries again what noticed something before. @param file that knows its seed */
export function tried(
  folder: string,
  catcher: Catcher,
  file: AttemptFile,
): Promise<Noticed | undefined> {
  if ('test' in catcher)
    return failing(folder, [catcher.test], catcher.name === undefined ? undefined : [catcher.name]);
  return attempted(folder, file, triesOf(catcher));
}

function triesOf(catcher: Exclude<Catcher, { readonly test: string }>): Tries {
  return 'seed' in catcher
    ? { scenarios: [], seeds: [catcher.seed] }
    : { scenarios: [catcher.scenario], seeds: [] };
}

export async function attempted(
  folder: string,
  file: AttemptFile,
  tries: Tries,
): Promise<Noticed | undefined> {
  const args = [MEMORY_MOST, '--import', 'tsx', file, JSON.stringify(tries)];
  const ended = await ran(args, folder, TRY_MS_MOST);
  const last = lastOf(ended.said);
  if (last === undefined) throw new Error(`an attempt said nothing: ${ended.complained}`);
  if ('found' in last) return noticedIn(last.found);
  if (isWithoutEnd(ended)) return withoutEnd(last.trying);
  throw new Error(`an attempt ended at ${wordsOf(last.trying)}: ${ended.complained}`);
}

/** It was ended for the time it took, or ended itself for want of memory. */
function isWithoutEnd({ wasSilent, signal }: Ended): boolean {
  return wasSilent || signal === 'SIGABRT';
}

function withoutEnd(catcher: Catcher): Noticed {
  const by = `it does not come to rest (${wordsOf(catcher)})`;
  return { by, seeds: undefined, catchers: [catcher], isByTime: true };
}

/** What a catcher is called where it is printed. */
export function wordsOf(catcher: Catcher): string {
  if ('scenario' in catcher) return catcher.scenario.replace('.txt', '');
  return 'seed' in catcher ? `seed ${catcher.seed}` : catcher.test;
}

function noticedIn(found: Attempt): Noticed | undefined {
  const catchers = catchersIn(found);
  if (catchers.length === 0) return undefined;
  return { by: wordsOfAttempt(found), seeds: found.seed, catchers, isByTime: false };
}

function catchersIn({ scenarios, seed }: Attempt): readonly Catcher[] {
  return [
    ...scenarios.map((scenario) => ({ scenario })),
    ...(seed === undefined ? [] : [{ seed }]),
  ];
}

function wordsOfAttempt({ scenarios, law }: Attempt): string {
  const [first, ...more] = scenarios.map((scenario) => wordsOf({ scenario }));
  const others = more.length > 0 ? ` and ${more.length} more` : '';
  const parts = [
    ...(first === undefined ? [] : [`${first}${others}`]),
    ...(law === undefined ? [] : [`law: ${law}`]),
  ];
  return parts.join('; ');
}

/** What vitest reports of one file. */
interface FileReport {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly assertionResults: readonly TestReport[];
}

interface TestReport {
  readonly status: string;
  readonly fullName: string;
  readonly failureMessages: readonly string[];
}

/**
 * What a test says that waited for too long: by its own patience, or by vitest's, whose report has of that only the
 * mark under which the place of the test was kept.
 */
const TOO_LATE = /waited .*in vain|timed out in \d+ ?ms|STACK_TRACE_ERROR/;
/** Several may run in one copy at the same time. */
let reportsWritten = 0;

/**
 * Runs test files.
 *
 * @param names of the only tests in them to run; undefined: all
 * @returns those that fail
 * @throws where one cannot even be read: that proves nothing
 */
export async function failing(
  folder: string,
  files: readonly string[],
  names?: readonly string[],
): Promise<Noticed | undefined> {
  const [first] = files;
  // Without files to run, vitest runs all there are.
  if (first === undefined) return undefined;
  const reports = await reported(folder, files, names);
  if (reports === undefined) return withoutEnd({ test: first });
  const failed = reports.filter(({ status }) => status === 'failed');
  const unread = failed.find(({ assertionResults }) => assertionResults.length === 0);
  if (unread !== undefined) throw new Error(`${unread.name}: ${unread.message}`);
  if (failed.length === 0) return undefined;
  return {
    by: failed.map(({ name }) => name.slice(folder.length + 1)).join(', '),
    seeds: undefined,
    catchers: failed.map((report) => catcherIn(folder, report)),
    isByTime: failed.some(isTooLate),
  };
}

function isTooLate({ message, assertionResults }: FileReport): boolean {
  const messages = assertionResults.flatMap(({ failureMessages }) => failureMessages);
  return [message, ...messages].some((text) => TOO_LATE.test(text));
}

function catcherIn(folder: string, { name: path, assertionResults }: FileReport): Catcher {
  const test = path.slice(folder.length + 1);
  const failed = assertionResults.find(({ status }) => status === 'failed');
  return failed === undefined ? { test } : { test, name: failed.fullName };
}

/** @returns undefined where the files did not come to rest */
async function reported(
  folder: string,
  files: readonly string[],
  names: readonly string[] | undefined,
): Promise<readonly FileReport[] | undefined> {
  // One that fails is enough; others would each wait for what does not come.
  const words = ['run', '--project', 'unit', '--passWithNoTests', '--bail=1', '--reporter=json'];
  const outputFile = join(folder, `report-${(reportsWritten += 1)}.json`);
  const args = ['node_modules/vitest/vitest.mjs', ...words, `--outputFile=${outputFile}`, ...files];
  const only = names === undefined ? [] : ['--testNamePattern', patternOf(names)];
  // Tests that wait for what does not come are ended here sooner than by themselves.
  const patience = ['--testTimeout=30000', '--hookTimeout=30000'];
  const silence = names?.length === 1 ? TRY_MS_MOST : TESTS_MS_MOST;
  const ended = await ran([...args, ...only, ...patience], folder, silence);
  if (existsSync(outputFile))
    return (JSON.parse(readFileSync(outputFile, 'utf8')) as { testResults: FileReport[] })
      .testResults;
  if (isWithoutEnd(ended)) return undefined;
  throw new Error(`no report of ${files.join(', ')}: ${ended.complained}`);
}

function patternOf(names: readonly string[]): string {
  const exact = names.map((name) => name.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
  return `^(?:${exact.join('|')})$`;
}
