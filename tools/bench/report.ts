/** What a benchmark says: figures with their goals, as a table for people and as JSON for programs. */
import type { MachineFacts } from '../process-figures.ts';
import { figure, markdownTable, plainTable, type TextTable } from '../table.ts';
import type { Series } from './series.ts';

export interface Figure {
  readonly label: string;
  readonly unit: string;
  readonly series: Series;
  /** What the figure must reach, and what we are here for; a lower figure is better where `best` says so. */
  readonly must?: number;
  readonly goal?: number;
  readonly best?: 'high' | 'low';
}

export interface Report {
  /** Like P2. */
  readonly number: string;
  readonly name: string;
  readonly title: string;
  readonly figures: readonly Figure[];
  /** What limits the figure, how it was taken, and anything odd. */
  readonly notes: readonly string[];
  /** Acknowledged operations that were not found again: any of these makes the rest worthless. */
  readonly failures: readonly string[];
}

export type Verdict = 'goal' | 'must' | 'below' | '';

export function verdictOf({ series: { median }, must, goal, best = 'high' }: Figure): Verdict {
  const reaches = (bound: number): boolean => (best === 'high' ? median >= bound : median <= bound);
  if (goal !== undefined && reaches(goal)) return 'goal';
  if (must === undefined) return '';
  return reaches(must) ? 'must' : 'below';
}

function tableOf({ figures }: Report): TextTable {
  return {
    columns: [
      { title: 'figure', align: 'left' },
      { title: 'median', align: 'right' },
      { title: 'least – most', align: 'right' },
      { title: 'must', align: 'right' },
      { title: 'goal', align: 'right' },
      { title: 'reached', align: 'left' },
    ],
    rows: figures.map((one) => [
      one.unit === '' ? one.label : `${one.label}, ${one.unit}`,
      figure(one.series.median),
      `${figure(one.series.least)} – ${figure(one.series.most)}`,
      one.must === undefined ? '' : figure(one.must),
      one.goal === undefined ? '' : figure(one.goal),
      verdictOf(one),
    ]),
  };
}

function linesOf(report: Report): string[] {
  return [...report.failures.map((failure) => `FAILURE: ${failure}`), ...report.notes];
}

export function plainReport(report: Report): string {
  const title = `${report.number} ${report.title}`;
  return ['', title, plainTable(tableOf(report)), ...linesOf(report), ''].join('\n');
}

export function markdownReport(report: Report): string {
  const title = `## ${report.number}: ${report.title}`;
  const lines = linesOf(report).map((line) => `- ${line}`);
  return [title, '', markdownTable(tableOf(report)), '', ...lines, ''].join('\n');
}

export function machineLine(facts: MachineFacts): string {
  const { cores, cpu, memory_gib, kernel, node, commit } = facts;
  return `${cores} cores (${cpu}), ${memory_gib} GiB, Linux ${kernel}, Node ${node}, Quorate ${commit}`;
}
