/**
 * One campaign: a real cluster, clients that write down what they hear, faults, and then the questions:
 *
 * ```
 *  found ─▶ clients and faults ─▶ heal ─▶ all hold the same? ─▶ the log as clients were told? ─▶ linearizable?
 * ```
 *
 * Whatever is not as promised is a breach; that a question could not be answered is one, too.
 */
import { setMaxListeners } from 'node:events';
import { appendFileSync } from 'node:fs';
import { until } from '../../test/end-to-end/condition.ts';
import { type FaultReport, planOf, unleash } from '../../test/faults/nemesis.ts';
import type { Tally } from '../../test/linearizability/clients.ts';
import { microseconds, type Operation, readHistory } from '../../test/linearizability/history.ts';
import { seeded } from '../random.ts';
import { audit, type Failover, failovers, type ReadLog, readLog } from './audit.ts';
import { CampaignCluster, type Standing } from './cluster.ts';
import { Crowd } from './crowd.ts';
import { CampaignDirectory } from './directory.ts';
import { campaignFaults, faultsIn, Voters } from './faults.ts';
import { judged } from './judging.ts';
import type { NetworkName } from './network.ts';
import { noticed } from './noticed.ts';
import { Series } from './series.ts';

/** Long enough that most grants end by a word, short enough that some end by time. */
const LEASE_MS = 4_000;
const OBJECTS_PER_CLIENT = 3;
/** A node that is in trouble is asked once in so many times: most clients have learned. */
const WELL_WEIGHT = 24;
/** For clients of a machine that does other things, too. */
const ANSWERS_MS_MAX = 300_000;
/** Faults after whose beginning most of what is asked at the node waits in vain. */
const SILENCING: ReadonlySet<string> = new Set([
  'freeze',
  'isolate',
  'unplug',
  'down',
  'fill',
  'remove',
  'lose',
]);

export interface CampaignOptions {
  readonly nodes: number;
  readonly network: NetworkName;
  readonly seed: number;
  readonly milliseconds: number;
  readonly clients: number;
  /** What a client rests between two operations: keys of all are remembered for ten minutes, and may be so many. */
  readonly pace?: number;
  /** Names of faults. */
  readonly faults: readonly string[];
  /** Exists, and is empty, or a campaign was here: then this one goes on with its cluster. */
  readonly directory: string;
  /** The built `quorate`. */
  readonly program: string;
  /** Between the beginnings of two faults, least and most. */
  readonly gapMs?: readonly [number, number];
  /** Every fault of the plan comes to its end, and so many questions to an answer, however long that takes. */
  readonly answers?: number;
  readonly onProgress?: (phase: string, tally: Readonly<Tally> | undefined) => void;
  readonly onFault?: (report: FaultReport) => void;
}

export interface CampaignResult {
  readonly operations: number;
  readonly tally: Readonly<Tally>;
  readonly reports: readonly FaultReport[];
  readonly failovers: readonly Failover[];
  readonly entries: number;
  readonly verdict: string;
  /** None: all is as promised. */
  readonly breaches: readonly string[];
}

export async function campaign(options: CampaignOptions): Promise<CampaignResult> {
  const { onProgress = () => undefined } = options;
  const breaches: string[] = [];
  const place = await CampaignDirectory.open(options.directory);
  onProgress(place.foundation === undefined ? 'founding' : 'coming back', undefined);
  const cluster = await CampaignCluster.start({
    ...options,
    place,
    random: seeded(Date.now()),
    hasDisks: options.faults.includes('fill'),
    onEnd: (line) => breaches.push(line),
  });
  let isStopped = false;
  try {
    // Who was interrupted may have left anything.
    await (place.foundation === undefined ? cluster.agreed() : heal(cluster));
    const { reports, tally } = await trouble(cluster, options, place, breaches);
    onProgress('healing', tally);
    const agreed = await attempt(breaches, () => heal(cluster));
    onProgress('reading the logs', tally);
    const operations = await readHistory(place.history);
    const logs = await readLogs(cluster, agreed?.index, breaches);
    const [log] = logs;
    isStopped = true;
    breaches.push(...(await cluster.stop()));
    breaches.push(...audit(await everything(place, operations), logs));
    onProgress('looking for an order', tally);
    const { verdict, breaches: found } = judged(operations);
    breaches.push(...found);
    return {
      operations: operations.length,
      tally,
      reports,
      failovers: log === undefined ? [] : failovers(operations, log),
      entries: log?.entries ?? 0,
      verdict,
      breaches,
    };
  } finally {
    if (!isStopped) await cluster.stop();
    if (breaches.length === 0) await cluster.removeDisks();
  }
}

/** Together with what clients of earlier campaigns in this place were told. */
async function everything(
  place: CampaignDirectory,
  operations: readonly Operation[],
): Promise<readonly Operation[]> {
  const earlier: Operation[] = [];
  for (const history of place.histories) earlier.push(...(await readHistory(history)));
  return [...earlier, ...operations];
}

/** Clients and faults at the same time. */
async function trouble(
  cluster: CampaignCluster,
  options: CampaignOptions,
  place: CampaignDirectory,
  breaches: string[],
): Promise<{ readonly reports: readonly FaultReport[]; readonly tally: Readonly<Tally> }> {
  const { seed, onProgress = () => undefined, onFault = () => undefined } = options;
  const silent = new Set<string>();
  const clients = new Crowd(
    {
      seed,
      clients: options.clients,
      paceMs: options.pace ?? 0,
      objects: options.clients * OBJECTS_PER_CLIENT,
      round: place.round,
      leaseMs: LEASE_MS,
      history: place.history,
    },
    () => urlsOf(cluster, silent),
  );
  const shown = setInterval(() => onProgress('trouble', clients.tally), 250);
  const underWay = new Set<string>();
  const faults = noticed(campaignFaults(cluster, seeded(seed + 1)), (name, nodes) => {
    const told = [name, ...nodes].join(' ');
    const silenced = SILENCING.has(name) ? nodes : [];
    for (const node of silenced) silent.add(node);
    underWay.add(told);
    return () => {
      for (const node of silenced) silent.delete(node);
      underWay.delete(told);
    };
  });
  let ended = 0;
  const series = new Series({
    file: place.file('series.ndjson'),
    round: place.round,
    nodes: cluster.nodes,
    told: () => ({
      answered: clients.tally.answered,
      open: clients.tally.open,
      faults: ended,
      under_way: [...underWay],
    }),
  });
  const plan = planOf(planFor(cluster, options));
  const startedAt = microseconds();
  const onReport = (report: FaultReport): void => {
    const line = { round: place.round, startedAt, ...report };
    appendFileSync(place.file('faults.ndjson'), `${JSON.stringify(line)}\n`);
    ended += 1;
    onFault(report);
  };
  const reports = await unleash(plan, { faults, onReport, ...limitOf(options) });
  breaches.push(
    ...reports.flatMap(({ kind, nodes, failure }) =>
      failure === undefined ? [] : [`${kind} of ${nodes.join(', ')}: ${failure}`],
    ),
  );
  await attempt(breaches, () => answered(clients, options));
  clearInterval(shown);
  onProgress('the last answers', clients.tally);
  await attempt(breaches, () => clients.stop());
  await attempt(breaches, () => series.stop());
  return { reports, tally: clients.tally };
}

/** Faults that took longer than planned push others back: those are left out, unless there is time. */
function limitOf({ milliseconds, answers }: CampaignOptions): { readonly signal?: AbortSignal } {
  if (answers !== undefined) return {};
  const signal = AbortSignal.timeout(milliseconds);
  // Every fault of the plan listens.
  setMaxListeners(0, signal);
  return { signal };
}

async function answered(clients: Crowd, { answers = 0 }: CampaignOptions): Promise<void> {
  await until(`${answers} answers`, () => clients.tally.answered >= answers, ANSWERS_MS_MAX);
}

function urlsOf(cluster: CampaignCluster, silent: ReadonlySet<string>): readonly string[] {
  return cluster.nodes
    .filter(({ isRunning }) => isRunning)
    .flatMap(({ id, httpUrl }) =>
      silent.has(id) ? [httpUrl] : Array.from({ length: WELL_WEIGHT }, () => httpUrl),
    );
}

function planFor(
  { ids }: CampaignCluster,
  { network, seed, milliseconds, faults, gapMs = [600, 2_600] }: CampaignOptions,
): Parameters<typeof planOf>[0] {
  return {
    seed,
    milliseconds,
    nodes: ids,
    kinds: faultsIn(network).filter(({ name }) => faults.includes(name)),
    gapMs,
    lastsMs: [200, 2_500],
    // One more than a quorum can do without, for a moment.
    troubledMax: Math.ceil(ids.length / 2),
  };
}

/** Everything that was done is undone, and every node votes. @throws when they do not come together */
async function heal(cluster: CampaignCluster): Promise<Standing> {
  await cluster.network.ways.heal();
  for (const node of cluster.nodes) {
    if (node.isRunning) node.thaw();
    else await node.start();
  }
  const voters = new Voters(cluster);
  for (const { id } of cluster.nodes) await voters.backWith(id);
  return cluster.agreed();
}

async function attempt<Value>(
  breaches: string[],
  act: () => Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await act();
  } catch (error) {
    breaches.push((error as Error).message);
    return undefined;
  }
}

/** One after another: all of them at once would be a load of its own. */
async function readLogs(
  { nodes }: CampaignCluster,
  upTo: number | undefined,
  breaches: string[],
): Promise<readonly ReadLog[]> {
  const logs: ReadLog[] = [];
  for (const node of nodes) {
    const log = await attempt(breaches, () => readLog(node, upTo));
    if (log !== undefined) logs.push(log);
  }
  return logs;
}
