/** `quorate log stat`: what is in a log, without folding it. */
import type { Entry } from '../../log/command.ts';
import type { Evidence } from '../../projections/history/evidence.ts';
import { survey, type Survey } from '../../projections/history/survey.ts';
import { EXIT } from '../exit.ts';
import type { Invocation } from '../invocation.ts';
import { columns, grouped, moment, size } from '../layout.ts';
import { progressOf } from '../progress.ts';
import type { Report } from '../report.ts';
import { storeFindings, withLog, type LogOptions } from './choose.ts';
import type { LogSource } from './source.ts';

export function logStat(invocation: Invocation, options: LogOptions): Promise<Report> {
  return withLog(invocation, options, async (source) => {
    const seen = await surveyed(invocation, source.evidence);
    const faults = storeFindings(source).length + seen.findings.count;
    const data = dataOf(source, seen, faults);
    const exit = faults === 0 ? EXIT.fine : EXIT.corrupt;
    return { exit, data, lines: linesOf(invocation, data) };
  });
}

async function surveyed({ screen }: Invocation, evidence: Evidence): Promise<Survey> {
  const { first, last } = evidence;
  const course = progressOf(screen, { what: 'reading', from: first - 1, to: last });
  try {
    return await survey(evidence, (index) => course.at(index));
  } finally {
    course.end();
  }
}

type Stat = ReturnType<typeof dataOf>;

function dataOf({ name, evidence, snapshotIndices }: LogSource, seen: Survey, faults: number) {
  const { counts, agreed } = seen;
  const { entries, bytes, unrecorded, oldest, newest } = counts;
  return {
    log: name,
    group: evidence.group.id,
    oldest: evidence.first,
    last: evidence.last,
    entries,
    bytes,
    unrecorded_outcomes: unrecorded,
    first_at: stampOf(oldest),
    last_at: stampOf(newest),
    snapshots: snapshotIndices,
    agreed_roots: agreed.length,
    faults,
    terms: Object.fromEntries(counts.terms),
    types: Object.fromEntries([...counts.types].sort(byCount)),
  };
}

function stampOf(entry: Entry | undefined): number | null {
  return entry === undefined ? null : entry.at;
}

function byCount(one: readonly [string, number], other: readonly [string, number]): number {
  return other[1] - one[1];
}

function linesOf({ screen }: Invocation, stat: Stat): readonly string[] {
  const facts: readonly (readonly [string, string])[] = [
    ['log', `${stat.log}, group ${stat.group}`],
    ['entries', `${grouped(stat.entries)}, from ${stat.oldest} to ${stat.last}`],
    ['bytes', size(stat.bytes)],
    ['time', `${moment(stat.first_at)} to ${moment(stat.last_at)}`],
    ['snapshots', stat.snapshots.length === 0 ? 'none' : `at ${stat.snapshots.join(', ')}`],
    ['agreed roots', grouped(stat.agreed_roots)],
    ['outcomes', outcomesWords(stat.unrecorded_outcomes)],
    ['faults', faultsWords(stat.faults)],
  ];
  return [
    ...columns(facts.map(([label, text]) => [screen.paint('dim', label), text])),
    ...tally(screen.paint('dim', 'TYPE'), stat.types),
    ...tally(screen.paint('dim', 'TERM'), stat.terms),
  ];
}

function outcomesWords(unrecorded: number): string {
  if (unrecorded === 0) return 'all recorded';
  return `${grouped(unrecorded)} not recorded; they are decided again when they are needed`;
}

function faultsWords(faults: number): string {
  return faults === 0 ? 'none' : `${grouped(faults)}; \`quorate log verify\` names them`;
}

function tally(title: string, counts: Readonly<Record<string, number>>): readonly string[] {
  const rows = Object.entries(counts).map(([name, count]) => [name, grouped(count)]);
  return ['', ...columns([[title, ''], ...rows], ['left', 'right'])];
}
