/**
 * Takes the defences of the Raft core away one by one and looks whether anything notices: a scenario, a
 * simulated seed, or a unit test. A defence that can go without being missed is not tested.
 *
 *     npm run drill
 *     npm run drill -- --only vote --seeds 2000
 *
 * Each mutation is made in a copy of core and tests in a folder of its own; the tree is never touched.
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
import { Command, InvalidArgumentError } from 'commander';
import { figure, plainTable } from '../table.ts';
import type { Attempt } from './attempt.ts';
import type { Mutation } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';

const ROOT = join(import.meta.dirname, '../..');
const CORE = 'src/protocols/raft/core';
/** What an attempt needs. */
const COPIED = [
  CORE,
  'test/protocols/raft/core',
  'test/simulation/raft-core',
  'test/simulation/plan-in-common.ts',
  'test/simulation/shrinking.ts',
  'test/simulation/story.ts',
  'test/conformance/raft',
  'test/closing-line.ts',
  'tools/drill/attempt.ts',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];
/** So many seeds say that the core as it is keeps every law. */
const SOUND_SEEDS = 100;
/** A core that does not come to rest by then, or within this much memory, is caught too. */
const ATTEMPT_MS_MOST = 180_000;
const MEMORY_MOST = '--max-old-space-size=1024';

const run = promisify(execFile);

type Verdict =
  | { readonly kind: 'caught'; readonly by: string; readonly seeds: string }
  | { readonly kind: 'excused'; readonly why: string }
  | { readonly kind: 'survived' };

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('a whole number is wanted');
}

const { seeds, only, from } = new Command('drill')
  .description('Takes defences of the Raft core away and looks whether anything notices.')
  .option('--seeds <n>', 'most seeds to try on each', whole, 500)
  .option('--only <part>', 'only mutations whose name contains this')
  .option('--from <n>', 'go on with the nth mutation', whole, 1)
  .showHelpAfterError('(--help shows what there is)')
  .parse()
  .opts<{ readonly seeds: number; readonly only?: string; readonly from: number }>();

function copyOf(root: string): string {
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
    const path = join(folder, CORE, file);
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

/** The core as it is must pass, or everything would be noticed. @throws when it does not */
async function expectSound(root: string): Promise<void> {
  const attempt = await attempted(root, SOUND_SEEDS);
  const sound = attempt?.scenarios.length === 0 && attempt.seeds === undefined;
  if (!sound) throw new Error(`the core fails as it is: ${JSON.stringify(attempt)}`);
  if (await unitTestsFail(root)) throw new Error('the unit tests of the core fail as they are');
}

async function judged(root: string, mutation: Mutation): Promise<Verdict> {
  const folder = mutated(root, mutation);
  try {
    const attempt = await attempted(folder, seeds);
    if (attempt === undefined)
      return { kind: 'caught', by: 'it does not come to rest', seeds: '–' };
    if (attempt.scenarios.length > 0 || attempt.seeds !== undefined) return caught(attempt);
    if (await unitTestsFail(folder)) return { kind: 'caught', by: 'unit tests', seeds: '–' };
    const { excused } = mutation;
    return excused === undefined ? { kind: 'survived' } : { kind: 'excused', why: excused };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function attempted(folder: string, most: number): Promise<Attempt | undefined> {
  const args = [MEMORY_MOST, '--import', 'tsx', 'tools/drill/attempt.ts', String(most)];
  try {
    const { stdout } = await run(process.execPath, args, { cwd: folder, timeout: ATTEMPT_MS_MOST });
    return JSON.parse(stdout) as Attempt;
  } catch (error) {
    if (isWithoutEnd(error as ExecFileException)) return undefined;
    throw error;
  }
}

/** It was ended for the time it took, or ended itself for want of memory. */
function isWithoutEnd({ killed, signal }: ExecFileException): boolean {
  return killed === true || signal === 'SIGABRT';
}

async function unitTestsFail(folder: string): Promise<boolean> {
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    'unit',
    '--passWithNoTests',
    'test/protocols',
  ];
  try {
    await run(process.execPath, args, { cwd: folder, timeout: ATTEMPT_MS_MOST });
    return false;
  } catch {
    return true;
  }
}

function caught({ scenarios, seeds: needed, law }: Attempt): Verdict {
  const [first, ...more] = scenarios.map((file) => file.replace('.txt', ''));
  const others = more.length > 0 ? ` and ${more.length} more` : '';
  const parts = [
    ...(first === undefined ? [] : [`${first}${others}`]),
    ...(law === undefined ? [] : [`law: ${law}`]),
  ];
  return {
    kind: 'caught',
    by: parts.join('; '),
    seeds: needed === undefined ? '–' : figure(needed),
  };
}

const ROWS: {
  readonly [K in Verdict['kind']]: (verdict: Extract<Verdict, { kind: K }>) => string[];
} = {
  caught: ({ by, seeds: needed }) => [by, needed],
  excused: ({ why }) => [`nothing: ${why}`, '–'],
  survived: () => ['NOTHING', '–'],
};

function rowOf(verdict: Verdict): string[] {
  const row = ROWS[verdict.kind] as (verdict: Verdict) => string[];
  return row(verdict);
}

const chosen = MUTATIONS.slice(from - 1).filter(
  ({ name }) => only === undefined || name.includes(only),
);
const verdicts: (readonly [Mutation, Verdict])[] = [];
// Everything starts from one copy: the tree may change while this runs.
const root = copyOf(ROOT);
try {
  await expectSound(root);
  for (const mutation of chosen) {
    const verdict = await judged(root, mutation);
    verdicts.push([mutation, verdict]);
    console.error(
      `${verdicts.length} of ${chosen.length}  ${mutation.name}: ${rowOf(verdict).join(', seeds: ')}`,
    );
  }
} finally {
  rmSync(root, { recursive: true });
}
const left = (title: string): { title: string; align: 'left' } => ({ title, align: 'left' });
console.log(
  plainTable({
    columns: [left('defence taken away'), left('noticed by'), { title: 'seeds', align: 'right' }],
    rows: verdicts.map(([{ name }, verdict]) => [name, ...rowOf(verdict)]),
  }),
);
const survivors = verdicts.filter(([, { kind }]) => kind === 'survived');
console.log(`\n${verdicts.length - survivors.length} of ${verdicts.length} noticed or explained`);
for (const [{ name, why }] of survivors) console.log(`nothing notices ${name}: ${why}`);
process.exitCode = survivors.length > 0 ? 1 : 0;
