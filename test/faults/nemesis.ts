/**
 * What goes wrong, when: a plan drawn from a seed, and its execution with a log of what really happened.
 *
 * The plan is data, so a run can be shown before it begins and repeated afterwards. Never are more nodes in
 * trouble at once than the plan allows, so that a quorum lives if it is told to leave one.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { between, type Random, seeded, weighted } from '../../tools/random.ts';

/** Whom a fault needs: a node, two in an order, or nobody in particular (a transfer, a change of voters). */
export type Reach = 'node' | 'pair' | 'cluster';

const SIZES: Readonly<Record<Reach, number>> = { node: 1, pair: 2, cluster: 0 };

export interface FaultKind {
  readonly name: string;
  readonly reach: Reach;
  readonly weight: number;
}

export interface PlanOptions {
  readonly seed: number;
  /** How long to go on. */
  readonly milliseconds: number;
  readonly nodes: readonly string[];
  readonly kinds: readonly FaultKind[];
  /** Between the beginnings of two faults, least and most. */
  readonly gapMs: readonly [number, number];
  /** From the beginning of a fault to its end. */
  readonly lastsMs: readonly [number, number];
  /** Nodes in trouble at once; of a pair both. No node is in two troubles. */
  readonly troubledMax: number;
}

export interface PlannedFault {
  readonly kind: string;
  readonly nodes: readonly string[];
  /** Milliseconds from the beginning. */
  readonly at: number;
  readonly until: number;
}

/** In the order in which they begin. Where nobody is left for a fault, none begins. */
export function planOf(options: PlanOptions): readonly PlannedFault[] {
  const random = seeded(options.seed);
  const plan: PlannedFault[] = [];
  let at = between(random, ...options.gapMs);
  while (at < options.milliseconds) {
    const until = Math.min(at + between(random, ...options.lastsMs), options.milliseconds);
    const fault = drawn(options, random, troubledAt(plan, at));
    if (fault !== undefined) plan.push({ ...fault, at, until });
    at += between(random, ...options.gapMs);
  }
  return plan;
}

/** One fault after another on the same node may be planned to touch; what has ended troubles nobody. */
function troubledAt(plan: readonly PlannedFault[], at: number): ReadonlySet<string> {
  const present = plan.filter(({ until }) => until >= at);
  return new Set(present.flatMap(({ nodes }) => nodes));
}

function drawn(
  { kinds, nodes, troubledMax }: PlanOptions,
  random: Random,
  troubled: ReadonlySet<string>,
): Pick<PlannedFault, 'kind' | 'nodes'> | undefined {
  const { name: kind, reach } = weighted(
    random,
    kinds.map((one) => [one, one.weight] as const),
  );
  const well = shuffled(
    nodes.filter((node) => !troubled.has(node)),
    random,
  );
  const wanted = SIZES[reach];
  const isPossible = well.length >= wanted && troubled.size + wanted <= troubledMax;
  return isPossible ? { kind, nodes: well.slice(0, wanted) } : undefined;
}

function shuffled(nodes: readonly string[], random: Random): readonly string[] {
  return nodes
    .map((node) => ({ node, rank: random() }))
    .sort((one, other) => one.rank - other.rank)
    .map(({ node }) => node);
}

/** Ends the fault. What ends by itself has nothing to do. */
export type Heal = () => Promise<void> | void;
/** Begins a fault on these nodes. */
export type Begin = (...nodes: readonly string[]) => Promise<Heal>;

export interface FaultReport extends PlannedFault {
  /** Milliseconds from the beginning. */
  readonly beganAt: number;
  readonly endedAt: number;
  /** Why it did not begin, or did not end: the world is not always as planned. */
  readonly failure?: string;
}

export interface RunOptions {
  readonly faults: Readonly<Record<string, Begin>>;
  /** Ends the run early; everything under way is healed. */
  readonly signal?: AbortSignal;
  /** As each ends. */
  readonly onReport?: (report: FaultReport) => void;
}

/**
 * Executes a plan. A fault waits until the faults before it on its nodes are really over: a node may take
 * longer to come back than planned. Resolves when every fault has ended. @returns what happened, in the
 * order of ends
 */
export async function unleash(
  plan: readonly PlannedFault[],
  { faults, signal, onReport = () => undefined }: RunOptions,
): Promise<readonly FaultReport[]> {
  const started = performance.now();
  const elapsed = (): number => Math.round(performance.now() - started);
  const reports: FaultReport[] = [];
  const one = async (planned: PlannedFault, before: readonly Promise<void>[]): Promise<void> => {
    await Promise.all(before);
    if (!(await reached(planned.at, elapsed, signal))) return;
    const beganAt = elapsed();
    const until = beganAt + planned.until - planned.at;
    const failure = await lived(faults[planned.kind], planned, () =>
      reached(until, elapsed, signal),
    );
    const times = { beganAt, endedAt: elapsed() };
    const report = { ...planned, ...times, ...(failure === undefined ? {} : { failure }) };
    reports.push(report);
    onReport(report);
  };
  const lasts = new Map<string, Promise<void>>();
  const all = plan.map((planned) => {
    const run = one(
      planned,
      planned.nodes.flatMap((node) => lasts.get(node) ?? []),
    );
    for (const node of planned.nodes) lasts.set(node, run);
    return run;
  });
  await Promise.all(all);
  return reports;
}

/** Whether the moment came; not, when the run was ended before. */
async function reached(
  at: number,
  elapsed: () => number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await pause(Math.max(0, at - elapsed()), undefined, signal === undefined ? {} : { signal });
    return true;
  } catch {
    return false;
  }
}

async function lived(
  begin: Begin | undefined,
  { kind, nodes }: PlannedFault,
  over: () => Promise<unknown>,
): Promise<string | undefined> {
  if (begin === undefined) throw new Error(`nobody knows how to ${kind}`);
  try {
    const heal = await begin(...nodes);
    await over();
    await heal();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
