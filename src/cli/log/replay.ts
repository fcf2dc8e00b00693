/**
 * `quorate log replay`: folds a log from its beginning and says what it comes to; with `--redecide`, by
 * deciding every entry again and comparing each outcome with the recorded one.
 */
import { performance } from 'node:perf_hooks';
import { replay, type Replayed, type Stop } from '../../projections/history/replay.ts';
import { firstStart } from '../../projections/history/verify.ts';
import type { SnapshotEvidence } from '../../projections/history/evidence.ts';
import { CommandFault, EXIT, type Exit } from '../exit.ts';
import type { Invocation } from '../invocation.ts';
import { columns, grouped, seconds } from '../layout.ts';
import { progressOf } from '../progress.ts';
import type { Report } from '../report.ts';
import { storeFindings, withLog, type LogOptions } from './choose.ts';
import { type Comparison, comparisonsOf } from './comparisons.ts';
import { ADVICE } from './findings.ts';
import type { LogSource } from './source.ts';

export interface ReplayCommandOptions extends LogOptions {
  /** The last index to fold, if the log has so many. */
  readonly until: number;
  readonly redecide: boolean;
}

interface Run {
  readonly source: LogSource;
  readonly replayed: Replayed;
  readonly seconds: number;
  readonly comparisons: readonly Comparison[];
  readonly redecided: boolean;
}

export function logReplay(invocation: Invocation, options: ReplayCommandOptions): Promise<Report> {
  return withLog(invocation, options, async (source) => {
    const run = await runOf(invocation, source, options);
    return { exit: exitOf(run), data: dataOf(run), lines: linesOf(invocation, run) };
  });
}

async function runOf(
  { screen }: Invocation,
  source: LogSource,
  options: ReplayCommandOptions,
): Promise<Run> {
  const { redecide } = options;
  const until = Math.min(options.until, source.evidence.last);
  const { snapshot: start } = startOf(source);
  const course = progressOf(screen, { what: 'replaying', from: start?.index ?? 0, to: until });
  const checkpoints = new Set(source.snapshotIndices);
  const progress = (index: number): void => course.at(index);
  const began = performance.now();
  const replayed = await replay(source.evidence, { start, until, redecide, checkpoints, progress });
  const took = (performance.now() - began) / 1000;
  course.end();
  const comparisons = await comparisonsOf(source, replayed);
  return { source, replayed, seconds: took, comparisons, redecided: redecide };
}

function startOf({ evidence }: LogSource): { readonly snapshot: SnapshotEvidence | undefined } {
  const start = firstStart(evidence, evidence.snapshots);
  if (start !== undefined) return start;
  throw new CommandFault(
    EXIT.finding,
    `the log begins at entry ${evidence.first} and there is no snapshot to begin from; ` +
      'stop the node and replay its directory with --data-dir',
  );
}

/** Each sign of trouble, worst first. */
const SIGNS: readonly (readonly [(run: Run) => boolean, Exit])[] = [
  [({ source }) => storeFindings(source).length > 0, EXIT.corrupt],
  [({ replayed }) => replayed.stop?.kind === 'broken', EXIT.corrupt],
  [({ replayed }) => replayed.stop?.kind === 'difference', EXIT.finding],
  [({ comparisons }) => comparisons.some(({ differs }) => differs.length > 0), EXIT.finding],
];

function exitOf(run: Run): Exit {
  const [, exit] = SIGNS.find(([shows]) => shows(run)) ?? [undefined, EXIT.fine];
  return exit;
}

function dataOf({ source, replayed, seconds: took, comparisons, redecided }: Run) {
  const { after, index, entries, decided, skipped, faults, state, stop } = replayed;
  return {
    log: source.name,
    group: source.evidence.group.id,
    after,
    index,
    entries,
    seconds: Number(took.toFixed(3)),
    entries_per_second: Math.round(entries / Math.max(took, 1e-6)),
    redecided,
    decided,
    unknown_entries: skipped,
    rule_faults: faults,
    digest: state.digest,
    roots: state.roots,
    comparisons: comparisons.map((it) => ({ ...it, equal: it.differs.length === 0 })),
    store_faults: source.storeFaults,
    stop: stop ?? null,
  };
}

function linesOf({ screen }: Invocation, run: Run): readonly string[] {
  const { source, replayed, seconds: took, comparisons, redecided } = run;
  const { after, index, entries, decided, state } = replayed;
  const how = redecided ? 'decided again and compared' : 'folded as recorded';
  const rate = grouped(entries / Math.max(took, 1e-6));
  const facts = columns([
    ['log', `${source.name}, group ${source.evidence.group.id}`],
    ['entries', `${grouped(entries)}, from ${after + 1} to ${index}, ${how}`],
    ['time', `${seconds(took * 1000)}, ${rate} entries/s`],
    ['decided', decidedWords(decided, redecided)],
    ['digest', state.digest],
  ]);
  const roots = columns(Object.entries(state.roots).map(([name, root]) => [`  ${name}`, root]));
  const verdicts = comparisons.map((it) => verdict(screen, it));
  return [...facts, 'roots', ...roots, ...verdicts, ...stopLines(screen, run)];
}

function decidedWords(decided: number, redecided: boolean): string {
  if (redecided || decided === 0) return grouped(decided);
  return `${grouped(decided)}, whose outcomes were not recorded`;
}

function verdict(
  screen: Invocation['screen'],
  { with: other, index, differs }: Comparison,
): string {
  if (differs.length === 0) return screen.paint('green', `equal to ${other}, at ${index}`);
  return screen.paint('red', `different from ${other}, at ${index}: ${differs.join(', ')}`);
}

/** Where a replay stopped before its end, and what can be done about it. */
function stopLines(screen: Invocation['screen'], { replayed: { stop } }: Run): readonly string[] {
  if (stop === undefined) return [];
  const lines = stop.kind === 'broken' ? brokenLines(stop) : differenceLines(stop);
  return lines.map((line) => screen.paint('red', line));
}

function brokenLines({ index, problem }: Extract<Stop, { kind: 'broken' }>): readonly string[] {
  return [
    `the replay stops before entry ${index}: ${problem}`,
    '`quorate log verify` names every fault',
    ADVICE,
  ];
}

function differenceLines(stop: Extract<Stop, { kind: 'difference' }>): readonly string[] {
  const { index, entry, recorded, decided } = stop;
  return [
    `entry ${index} (${entry.type}) is the first that is decided otherwise`,
    `  recorded: ${JSON.stringify(recorded)}`,
    `  decided:  ${JSON.stringify(decided)}`,
    'either the outcome was changed after it was recorded, or this build decides otherwise than the one that wrote it',
  ];
}
