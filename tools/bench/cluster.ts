/**
 * Three nodes of a store as processes on this machine, ours or a peer's: what the benchmarks ask of both.
 *
 * ```
 *  found ──▶ settled: all answer, one leads ── load, faults ──▶ settled again ── withCluster ends ──▶ nothing left
 * ```
 */
import { until } from '../../test/end-to-end/condition.ts';
import { cpuSeconds, memoryOf } from '../process-figures.ts';
import { type Settings, withDirectory } from './benchmark.ts';

const ASK_MS_MAX = 2_000;
const SETTLED_MS_MAX = 120_000;
/** Entries by which a node may be behind while there is load. */
const LAG_MAX = 2_000;

/** What a node says of itself. */
export interface Standing {
  /** Empty: nobody, as far as it knows. */
  readonly leader: string;
  readonly term: number;
  readonly index: number;
}

export interface Member {
  /** As leaders are named in standings. */
  readonly id: string;
  readonly directory: string;
  readonly url: string;
  readonly pid: number;
  readonly isRunning: boolean;
  start(): Promise<unknown>;
  kill(): Promise<unknown>;
  /** In order. */
  terminate(): Promise<unknown>;
  standing(): Promise<Standing | undefined>;
  /** Batches it made durable since it began. */
  fsyncs(): Promise<number>;
  /** Hands over from it to some other. */
  transfer(): Promise<unknown>;
}

export interface Cluster {
  readonly label: string;
  readonly members: readonly Member[];
}

/** Makes the members of a cluster; none of them runs yet. */
export type Founding = (directory: string, settings: Settings) => Promise<Cluster>;

/** Runs `use` with a cluster that has settled. Nothing is left of it afterwards. */
export function withCluster<Result>(
  found: Founding,
  settings: Settings,
  use: (cluster: Cluster, directory: string) => Promise<Result>,
): Promise<Result> {
  return withDirectory(settings, async (directory) => {
    const cluster = await found(directory, settings);
    try {
      await Promise.all(cluster.members.map((member) => member.start()));
      await settled(cluster);
      return await use(cluster, directory);
    } finally {
      for (const { pid } of running(cluster)) process.kill(pid, 'SIGCONT');
      const end = settings.profile === undefined ? 'kill' : 'terminate';
      await Promise.all(running(cluster).map((member) => member[end]()));
    }
  });
}

export function running({ members }: Cluster): readonly Member[] {
  return members.filter(({ isRunning }) => isRunning);
}

/** Resolves when all who run agree on who leads, and nobody is far behind. @returns the leader */
export async function settled(cluster: Cluster): Promise<Member> {
  return until(
    `the nodes of ${cluster.label} agree on who leads`,
    async () => {
      const standings = await Promise.all(running(cluster).map((member) => member.standing()));
      const [first] = standings;
      if (first === undefined || !standings.every((one) => agree(first, one))) return false;
      return running(cluster).find(({ id }) => id === first.leader);
    },
    SETTLED_MS_MAX,
  );
}

function agree(first: Standing, other: Standing | undefined): boolean {
  if (other === undefined || first.leader !== other.leader || first.term !== other.term)
    return false;
  return Math.abs(first.index - other.index) <= LAG_MAX;
}

/** CPU seconds of all who run together. */
export async function cpuOf(cluster: Cluster): Promise<number> {
  return sum(await Promise.all(running(cluster).map(({ pid }) => cpuSeconds(pid))));
}

/** MiB of all who run together. */
export async function rssOf(cluster: Cluster): Promise<number> {
  const each = await Promise.all(running(cluster).map(({ pid }) => memoryOf(pid)));
  return sum(each.map(({ rss }) => rss));
}

export async function fsyncsIn(cluster: Cluster): Promise<number> {
  return sum(await Promise.all(running(cluster).map((member) => member.fsyncs())));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The body of an answer; undefined where none came in time, or it was a refusal. */
export async function asked(url: string, sent?: object): Promise<string | undefined> {
  const answer = await answered(url, sent);
  return answer?.status === 200 ? answer.text : undefined;
}

export interface Answered {
  readonly status: number;
  readonly text: string;
}

/** What is sent is posted. Undefined: no answer came in time. */
export async function answered(url: string, sent?: object): Promise<Answered | undefined> {
  const headers = { 'content-type': 'application/json' };
  const posted = sent === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(sent) };
  try {
    const response = await fetch(url, { ...posted, signal: AbortSignal.timeout(ASK_MS_MAX) });
    return { status: response.status, text: await response.text() };
  } catch {
    return undefined;
  }
}
