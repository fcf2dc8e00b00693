/**
 * Judges one mutation: makes it in a copy of the tree in a folder of its own, and looks what notices.
 *
 * ```
 *   in the core   scenarios and seeds of cores ── nothing ──▶ unit tests of the core ── nothing ──▶ survived
 *   beyond it     the test files it names ────── nothing ──▶ seeds of whole nodes ─── nothing ──▶ survived
 * ```
 */
import { execFile, type ExecFileException } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Attempt } from './attempt.ts';
import { isOfCore, type Mutation } from './mutation.ts';

const ROOT = join(import.meta.dirname, '../..');
/** What an attempt needs. */
const COPIED = [
  'src',
  'test',
  'tools',
  'docs',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];
const CORE_TESTS = 'test/protocols/raft/core';
const CORES = 'tools/drill/attempt.ts';
const WHOLE_NODES = 'tools/drill/attempt-whole.ts';
/** So many seeds say that what is as it is keeps every law. */
const SOUND_SEEDS = { cores: 100, wholeNodes: 5 } as const;
/** What does not come to rest by then, or within this much memory, is caught too. */
const ATTEMPT_MS_MOST = 180_000;
const MEMORY_MOST = '--max-old-space-size=1024';

const run = promisify(execFile);

/** The most seeds that are tried on a mutation. */
export interface Seeds {
  readonly cores: number;
  readonly wholeNodes: number;
}

export type Verdict =
  | { readonly kind: 'caught'; readonly by: string; readonly seeds: number | undefined }
  | { readonly kind: 'excused'; readonly why: string }
  | { readonly kind: 'survived' };

type Caught = Extract<Verdict, { readonly kind: 'caught' }>;

/** A copy of the tree; without a root of its own, of the one this file lies in. */
export function copyOf(root = ROOT): string {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-drill-'));
  for (const path of COPIED) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** A copy with one defence less. */
function mutated(root: string, { name, patches }: Mutation): string {
  const folder = copyOf(root);
  for (const { file, find, replace } of patches) {
    const path = join(folder, 'src', file);
    const text = readFileSync(path, 'utf8');
    if (text.split(find).length !== 2)
      throw new Error(`${name}: what is to be replaced occurs not exactly once in ${file}`);
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
  }
  return folder;
}

/** What is as it is must pass, or everything would be noticed. @throws when it does not */
export async function expectSound(root: string, mutations: readonly Mutation[]): Promise<void> {
  const beyond = mutations.filter((mutation) => !isOfCore(mutation));
  if (beyond.length < mutations.length) await expectSoundCore(root);
  if (beyond.length > 0) await expectSoundWhole(root, beyond);
}

async function expectSoundCore(root: string): Promise<void> {
  expectNothing('the core', await attempted(root, CORES, SOUND_SEEDS.cores));
  expectNothing('the core', await failing(root, [CORE_TESTS]));
}

async function expectSoundWhole(root: string, mutations: readonly Mutation[]): Promise<void> {
  const files = new Set(mutations.flatMap(({ tests = [] }) => tests));
  expectNothing('the tree', await failing(root, [...files]));
  expectNothing('the tree', await attempted(root, WHOLE_NODES, SOUND_SEEDS.wholeNodes));
}

function expectNothing(what: string, caught: Caught | undefined): void {
  if (caught !== undefined) throw new Error(`${what} fails as it is: ${caught.by}`);
}

export async function judged(root: string, mutation: Mutation, seeds: Seeds): Promise<Verdict> {
  const folder = mutated(root, mutation);
  try {
    const caught = await noticed(folder, mutation, seeds);
    return caught ?? unnoticed(mutation);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function noticed(
  folder: string,
  mutation: Mutation,
  seeds: Seeds,
): Promise<Caught | undefined> {
  if (isOfCore(mutation))
    return (await attempted(folder, CORES, seeds.cores)) ?? failing(folder, [CORE_TESTS]);
  const { tests = [] } = mutation;
  const caught = tests.length === 0 ? undefined : await failing(folder, tests);
  return caught ?? attempted(folder, WHOLE_NODES, seeds.wholeNodes);
}

function unnoticed({ excused }: Mutation): Verdict {
  return excused === undefined ? { kind: 'survived' } : { kind: 'excused', why: excused };
}

async function attempted(folder: string, file: string, most: number): Promise<Caught | undefined> {
  const args = [MEMORY_MOST, '--import', 'tsx', file, String(most)];
  try {
    const { stdout } = await run(process.execPath, args, { cwd: folder, timeout: ATTEMPT_MS_MOST });
    return caughtBy(JSON.parse(stdout) as Attempt);
  } catch (error) {
    if (!isWithoutEnd(error as ExecFileException)) throw error;
    return { kind: 'caught', by: 'it does not come to rest', seeds: undefined };
  }
}

/** It was ended for the time it took, or ended itself for want of memory. */
function isWithoutEnd({ killed, signal }: ExecFileException): boolean {
  return killed === true || signal === 'SIGABRT';
}

function caughtBy({ scenarios, seeds, law }: Attempt): Caught | undefined {
  const [first, ...more] = scenarios.map((file) => file.replace('.txt', ''));
  const others = more.length > 0 ? ` and ${more.length} more` : '';
  const parts = [
    ...(first === undefined ? [] : [`${first}${others}`]),
    ...(law === undefined ? [] : [`law: ${law}`]),
  ];
  return parts.length === 0 ? undefined : { kind: 'caught', by: parts.join('; '), seeds };
}

/** What vitest reports of one file. */
interface FileReport {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly assertionResults: readonly { readonly status: string }[];
}

/** Runs test files. @returns those that fail. @throws where one cannot even be read: that proves nothing */
async function failing(folder: string, tests: readonly string[]): Promise<Caught | undefined> {
  const failed = (await reports(folder, tests)).filter(({ status }) => status === 'failed');
  const unread = failed.find(({ assertionResults }) => assertionResults.length === 0);
  if (unread !== undefined) throw new Error(`${unread.name}: ${unread.message}`);
  if (failed.length === 0) return undefined;
  const by = failed.map(({ name }) => name.slice(folder.length + 1)).join(', ');
  return { kind: 'caught', by, seeds: undefined };
}

async function reports(folder: string, tests: readonly string[]): Promise<readonly FileReport[]> {
  const words = ['run', '--project', 'unit', '--passWithNoTests', '--reporter=json'];
  const outputFile = join(folder, 'report.json');
  const args = ['node_modules/vitest/vitest.mjs', ...words, `--outputFile=${outputFile}`, ...tests];
  // Tests that wait for what does not come are ended here sooner than by themselves.
  const patience = '--testTimeout=30000';
  await run(process.execPath, [...args, patience], {
    cwd: folder,
    timeout: ATTEMPT_MS_MOST,
  }).catch(() => undefined);
  const report = JSON.parse(readFileSync(outputFile, 'utf8')) as { testResults: FileReport[] };
  return report.testResults;
}
