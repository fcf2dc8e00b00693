/** The table at the end: what was done, what was promised, and whether all of it is true. */
import { figure, plainTable, seconds } from '../table.ts';
import type { Audit, Replayed } from './audit.ts';
import type { Standing } from './nodes.ts';
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
  readonly doubled: number;
  readonly impossible: number;
  readonly claims: number;
  readonly extensions: number;
  readonly vanished: number;
  readonly expired: number;
  readonly entries: number;
  readonly retries: number;
  readonly refused: number;
  readonly leaders: number;
  readonly killed: string;
  /** Who led after it; undefined where there was nobody else. */
  readonly successor: string | undefined;
  readonly failoverMs: number;
  readonly outageMs: number;
  readonly connections: number;
  /** How many nodes the subscriber had its entries from. */
  readonly heardFrom: number;
  readonly gaps: number;
  readonly repeats: number;
  readonly brokenChains: number;
  readonly exitCodes: readonly (number | null)[];
  /** What the nodes said of themselves before they were stopped. */
  readonly standings: readonly Standing[];
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
export function claimsOf(run: RunFigures, audits: readonly Audit[]): readonly Claim[] {
  return [...ofTheWork(run, audits), ...ofTheCluster(run), ...ofTheLog(run, audits)];
}

function ofTheWork(run: RunFigures, audits: readonly Audit[]): readonly Claim[] {
  const ended = run.completed + run.failed + run.dead + run.timedOut + run.cancelled;
  const ledgers = audits.map(({ ledger }) => ledger);
  const lost = ledgers.reduce((sum, ledger) => sum + ledger.lost, 0);
  const where = audits.length === 1 ? '' : `, looked up in each of ${audits.length} logs`;
  return [
    {
      claim: 'every task was added and came to an end',
      holds: run.added === run.tasks && ended === run.tasks,
      because: `${figure(run.added)} added, ${figure(ended)} ended`,
    },
    {
      claim: 'no task came to an end twice',
      holds: run.doubled === 0,
      because: `${run.doubled} did`,
    },
    {
      claim: 'only what no machine could run was cancelled',
      holds: run.cancelled === run.impossible,
      because: `${run.cancelled} cancelled`,
    },
    {
      claim: 'nothing acknowledged is lost',
      holds: lost === 0,
      because: `${figure(ledgers[0]?.acknowledged ?? 0)} acknowledged, ${lost} lost${where}`,
    },
    {
      claim: 'the subscriber saw every entry once, in order',
      holds:
        run.gaps + run.repeats + run.brokenChains === 0 &&
        run.standings.every(({ index }) => run.entries >= index),
      because: `${figure(run.entries)} entries over ${run.connections} connections, ${run.gaps} gaps, ${run.repeats} repeats`,
    },
  ];
}

/** What only several nodes can promise. */
function ofTheCluster(run: RunFigures): readonly Claim[] {
  const { standings, successor } = run;
  if (standings.length === 1) return [];
  const digests = new Set(standings.map(({ index, digest }) => `${index} ${digest}`));
  return [
    {
      claim: 'the others went on when their leader was killed',
      holds: successor !== undefined && successor !== run.killed,
      because: `${run.killed}, then ${successor}; ${Math.round(run.failoverMs)} ms to the next acknowledged write`,
    },
    {
      claim: 'the subscriber lost its node and went on at another',
      holds: run.heardFrom > 1,
      because: `it had entries from ${run.heardFrom} of ${standings.length} nodes`,
    },
    {
      claim: 'all nodes hold the same',
      holds: digests.size === 1,
      because: standings.map(({ id, digest }) => `${id} ${digest.slice(0, SHORT)}`).join(', '),
    },
  ];
}

function ofTheLog(run: RunFigures, audits: readonly Audit[]): readonly Claim[] {
  const replays = audits.flatMap(({ replayed, redecided }) => [replayed, redecided]);
  const verified = audits.map((audit) => audit.verified);
  const findings = verified.reduce((sum, one) => sum + one.finding_count, 0);
  return [
    {
      claim: 'live digest = replayed = decided again',
      holds: audits.every((audit, place) => isAsLive(run.standings[place], audit)),
      because: digestsLine(run, audits),
    },
    {
      claim: 'roots: agreed live = replayed = decided again',
      holds:
        replays.every(({ roots }) => sameRoots(roots, replays[0]?.roots ?? {})) &&
        replays.every(({ comparisons }) => comparisons.every(({ equal }) => equal)),
      because: rootsLine(replays),
    },
    {
      claim: 'the log verifies, byte by byte',
      holds: findings === 0 && replays.every(({ stop }) => stop === null),
      because: `${verified.map(({ entries }) => figure(entries)).join(', ')} entries, ${findings} findings`,
    },
    {
      claim: 'who was asked to stop stopped cleanly',
      holds: run.exitCodes.every((code) => code === 0),
      because: `exit code ${run.exitCodes.join(', ')}`,
    },
  ];
}

function isAsLive(live: Standing | undefined, { replayed, redecided }: Audit): boolean {
  return [replayed, redecided].every(
    ({ index, digest }) => index === live?.index && digest === live.digest,
  );
}

function digestsLine(run: RunFigures, audits: readonly Audit[]): string {
  const live = run.standings.map(({ digest }) => digest);
  const [replayed, redecided] = [
    audits.map((audit) => audit.replayed.digest),
    audits.map((audit) => audit.redecided.digest),
  ];
  const digests = [live, replayed, redecided].map((all) => shortOf(all));
  return `${digests.join(' = ')}, at ${figure(run.standings[0]?.index ?? 0)}`;
}

/** The one digest, or all where they differ. */
function shortOf(digests: readonly string[]): string {
  return [...new Set(digests.map((digest) => digest.slice(0, SHORT)))].join(' ≠ ');
}

function rootsLine(replays: readonly Replayed[]): string {
  const agreed = replays.flatMap(({ comparisons }) => comparisons);
  const places = new Set(agreed.map(({ index }) => figure(index)));
  const count = Object.keys(replays[0]?.roots ?? {}).length;
  const live = places.size === 0 ? 'no snapshot was due' : `compared at ${[...places].join(', ')}`;
  return `${count} projections, ${live}`;
}

function doneRows(run: RunFigures, audits: readonly Audit[]): readonly (readonly string[])[] {
  const rate = run.entries / (run.elapsedMs / 1000);
  const replays = audits.map(({ replayed }) => replayed);
  const replayed = replays.reduce((sum, { entries }) => sum + entries, 0);
  const replaySeconds = replays.reduce((sum, { seconds: took }) => sum + took, 0);
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
    ...failoverRows(run),
    [
      'killed and back',
      seconds(run.outageMs),
      `SIGKILL half-way; ${figure(run.retries)} requests retried`,
    ],
    ['refused', figure(run.refused), 'by a rule, such as a lease that had ended'],
    [
      'replay',
      seconds(replaySeconds * 1000),
      `${figure(Math.round(replayed / Math.max(0.001, replaySeconds)))} entries per second`,
    ],
  ];
}

function failoverRows(run: RunFigures): readonly (readonly string[])[] {
  if (run.successor === undefined) return [];
  return [
    ['failover', seconds(run.failoverMs), 'from the kill to the next acknowledged write'],
    ['elections', figure(run.leaders), 'leaders that began, the first among them'],
  ];
}

export function summary(screen: Screen, run: RunFigures, audits: readonly Audit[]): string {
  const done = plainTable({
    columns: [
      { title: 'done', align: 'left' },
      { title: '', align: 'right' },
      { title: '', align: 'left' },
    ],
    rows: doneRows(run, audits),
  });
  const claims = claimsOf(run, audits);
  const width = Math.max(...claims.map(({ claim }) => claim.length));
  const checked = claims.map(({ claim, holds, because }) => {
    const sign = holds ? screen.paint('green', '✔') : screen.paint('red', '✘');
    return `${sign} ${claim.padEnd(width)}  ${screen.paint('dim', because)}`;
  });
  const lines = audits.flatMap(({ ledger }) => ledger.lines);
  const lost = lines.map((line) => screen.paint('red', `  ${line}`));
  return ['', done, '', ...checked, ...lost, ''].join('\n');
}
