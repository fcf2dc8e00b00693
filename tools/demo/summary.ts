/** The table at the end: what was done, what was promised, and whether all of it is true. */
import { figure, plainTable, seconds } from '../table.ts';
import type { Audit } from './audit.ts';
import type { Screen } from './screen.ts';

export interface RunFigures {
  readonly tasks: number;
  readonly machines: number;
  readonly elapsedMs: number;
  readonly added: number;
  readonly completed: number;
  readonly failed: number;
  readonly dead: number;
  readonly timedOut: number;
  readonly cancelled: number;
  readonly impossible: number;
  readonly claims: number;
  readonly extensions: number;
  readonly vanished: number;
  readonly expired: number;
  readonly entries: number;
  readonly retries: number;
  readonly refused: number;
  readonly outageMs: number;
  readonly connections: number;
  readonly gaps: number;
  readonly repeats: number;
  readonly brokenChains: number;
  readonly exitCode: number | null;
  /** What the node said of itself before it was stopped. */
  readonly index: number;
  readonly digest: string;
}

export interface Claim {
  readonly claim: string;
  readonly holds: boolean;
  readonly because: string;
}

const SHORT = 16;

function sameRoots(one: Readonly<Record<string, string>>, other: typeof one): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => one[name] === other[name]);
}

/** Everything that must hold; one that does not fails the demo. */
export function claimsOf(run: RunFigures, audit: Audit): readonly Claim[] {
  const { replayed, redecided, verified, ledger } = audit;
  const ended = run.completed + run.failed + run.dead + run.timedOut + run.cancelled;
  return [
    {
      claim: 'every task was added and came to an end',
      holds: run.added === run.tasks && ended === run.tasks,
      because: `${figure(run.added)} added, ${figure(ended)} ended`,
    },
    {
      claim: 'only what no machine could run was cancelled',
      holds: run.cancelled === run.impossible,
      because: `${run.cancelled} cancelled`,
    },
    {
      claim: 'nothing acknowledged is lost',
      holds: ledger.lost === 0,
      because: `${figure(ledger.acknowledged)} acknowledged, ${ledger.lost} lost`,
    },
    {
      claim: 'the subscriber saw every entry once, in order',
      holds: run.gaps + run.repeats + run.brokenChains === 0 && run.entries >= run.index,
      because: `${figure(run.entries)} entries over ${run.connections} connections, ${run.gaps} gaps, ${run.repeats} repeats`,
    },
    {
      claim: 'live digest = replayed = decided again',
      holds:
        run.index === replayed.index &&
        run.digest === replayed.digest &&
        replayed.digest === redecided.digest,
      because: `${run.digest.slice(0, SHORT)} = ${replayed.digest.slice(0, SHORT)} = ${redecided.digest.slice(0, SHORT)}, at ${figure(run.index)} and ${figure(replayed.index)}`,
    },
    {
      claim: 'roots: agreed live = replayed = decided again',
      holds:
        sameRoots(replayed.roots, redecided.roots) &&
        [...replayed.comparisons, ...redecided.comparisons].every(({ equal }) => equal),
      because: rootsLine(audit),
    },
    {
      claim: 'the log verifies, byte by byte',
      holds: verified.finding_count === 0 && replayed.stop === null && redecided.stop === null,
      because: `${figure(verified.entries)} entries, ${verified.finding_count} findings`,
    },
    {
      claim: 'the node stopped cleanly when asked',
      holds: run.exitCode === 0,
      because: `exit code ${run.exitCode}`,
    },
  ];
}

function rootsLine({ replayed, redecided }: Audit): string {
  const agreed = [...replayed.comparisons, ...redecided.comparisons];
  const places = new Set(agreed.map(({ index }) => figure(index)));
  const count = Object.keys(replayed.roots).length;
  const live = places.size === 0 ? 'no snapshot was due' : `compared at ${[...places].join(', ')}`;
  return `${count} projections, ${live}`;
}

function doneRows(run: RunFigures, { replayed }: Audit): readonly (readonly string[])[] {
  const rate = run.entries / (run.elapsedMs / 1000);
  return [
    [
      'tasks added',
      figure(run.added),
      `on ${figure(run.machines)} machines in ${seconds(run.elapsedMs)}`,
    ],
    ['completed', figure(run.completed), ''],
    ['failed', figure(run.failed), 'for good, as the trace says'],
    ['dead', figure(run.dead), 'failed at every attempt'],
    ['timed out', figure(run.timedOut), 'lost their holder at every attempt'],
    ['cancelled', figure(run.cancelled), 'no machine of this fleet could run them'],
    ['claims', figure(run.claims), `${figure(run.extensions)} extensions of leases`],
    [
      'leases expired',
      figure(run.expired),
      `${figure(run.vanished)} holders vanished; offered again`,
    ],
    ['entries', figure(run.entries), `${figure(Math.round(rate))} per second`],
    [
      'killed and back',
      seconds(run.outageMs),
      `SIGKILL half-way; ${figure(run.retries)} requests retried`,
    ],
    ['refused', figure(run.refused), 'by a rule, such as a lease that had ended'],
    [
      'replay',
      seconds(replayed.seconds * 1000),
      `${figure(Math.round(replayed.entries / Math.max(0.001, replayed.seconds)))} entries per second`,
    ],
  ];
}

export function summary(screen: Screen, run: RunFigures, audit: Audit): string {
  const done = plainTable({
    columns: [
      { title: 'done', align: 'left' },
      { title: '', align: 'right' },
      { title: '', align: 'left' },
    ],
    rows: doneRows(run, audit),
  });
  const claims = claimsOf(run, audit);
  const width = Math.max(...claims.map(({ claim }) => claim.length));
  const checked = claims.map(({ claim, holds, because }) => {
    const sign = holds ? screen.paint('green', '✔') : screen.paint('red', '✘');
    return `${sign} ${claim.padEnd(width)}  ${screen.paint('dim', because)}`;
  });
  const lost = audit.ledger.lines.map((line) => screen.paint('red', `  ${line}`));
  return ['', done, '', ...checked, ...lost, ''].join('\n');
}
