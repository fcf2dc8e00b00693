/** What a drill prints: which bug was made anew, what noticed it, how many seeds that took, and what was not made. */
import { figure, type TableColumn, type TextTable } from '../table.ts';
import { type Bug, BUGS } from './bugs.ts';
import type { Verdict } from './judging.ts';
import { isOfCore, type Mutation } from './mutation.ts';

export type Judged = readonly [Mutation, Verdict];

const NONE = '–';

const ROWS: {
  readonly [K in Verdict['kind']]: (verdict: Extract<Verdict, { kind: K }>) => string[];
} = {
  caught: ({ by, seeds }) => [by, seeds === undefined ? NONE : figure(seeds)],
  excused: ({ why }) => [`nothing: ${why}`, NONE],
  survived: () => ['NOTHING', NONE],
};

/** What noticed it, and after how many seeds. */
export function rowOf(verdict: Verdict): string[] {
  const row = ROWS[verdict.kind] as (verdict: Verdict) => string[];
  return row(verdict);
}

const left = (title: string): TableColumn => ({ title, align: 'left' });

export function judgedTable(judged: readonly Judged[]): TextTable {
  const rows = judged.map(([{ name, bugs }, verdict]) => [
    bugs.join(' ') || NONE,
    name,
    ...rowOf(verdict),
  ]);
  return {
    columns: [
      left('bug'),
      left('defence taken away'),
      left('noticed by'),
      { title: 'seeds', align: 'right' },
    ],
    // Those that nobody is known to have shipped come last.
    rows: rows.sort(([one = ''], [other = '']) => (one < other ? -1 : Number(one > other))),
  };
}

/** All bugs, and where each is on record. */
export function bugsTable(): TextTable {
  return {
    columns: [left('bug'), left('what went wrong'), left('on record')],
    rows: BUGS.map(({ number, what, source }) => [number, what, source]),
  };
}

/** The bugs that no mutation makes, and what is looked at instead, or why they cannot be here. */
export function otherwiseTable(): TextTable {
  return {
    columns: [left('bug'), left('not made by a mutation')],
    rows: BUGS.flatMap((bug) => {
      const words = otherwise(bug);
      return words === undefined ? [] : [[bug.number, words]];
    }),
  };
}

function otherwise({ tests, absent }: Bug): string | undefined {
  return tests === undefined ? absent : `looked for by ${tests.join(', ')}`;
}

export function closingLines(judged: readonly Judged[]): string[] {
  const survivors = judged.filter(([, { kind }]) => kind === 'survived');
  const isCore = ([mutation]: Judged): boolean => isOfCore(mutation);
  return [
    `${judged.length - survivors.length} of ${judged.length} noticed or explained`,
    seedsLine('cores', judged.filter(isCore)),
    seedsLine(
      'whole nodes',
      judged.filter((one) => !isCore(one)),
    ),
    ...survivors.map(([{ name, why }]) => `nothing notices ${name}: ${why}`),
  ].filter((line) => line !== '');
}

function seedsLine(what: string, judged: readonly Judged[]): string {
  const seeds = judged
    .flatMap(([, verdict]) => (verdict.kind === 'caught' ? [verdict.seeds ?? 0] : []))
    .filter((needed) => needed > 0)
    .sort((one, other) => one - other);
  if (seeds.length === 0) return '';
  return `seeds of ${what} until noticed, over ${seeds.length}: median ${figure(median(seeds))}, most ${figure(seeds.at(-1)!)}`;
}

function median(ascending: readonly number[]): number {
  const [low, high] = [(ascending.length - 1) >> 1, ascending.length >> 1];
  return (ascending[low]! + ascending[high]!) / 2;
}
