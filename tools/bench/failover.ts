/**
 * P9 and P10: how long nobody can write when a leader is gone. It is killed, frozen, or asked to hand over,
 * again and again, while clients write to all nodes; what is measured ends with the first acknowledged write
 * that was sent afterwards and that another leader took. At the end every acknowledged write of ours is
 * looked up on each node.
 */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { figure } from '../table.ts';
import type { Benchmark, Settings } from './benchmark.ts';
import { type Cluster, type Founding, type Member, settled, withCluster } from './cluster.ts';
import { lostInAll } from './cluster-load.ts';
import { etcd, etcdVersion } from './etcd.ts';
import type { FailoverOrder, Strike } from './failover-load.ts';
import type { Orders } from './load.ts';
import { quiet } from './quiet.ts';
import { quorate } from './quorate.ts';
import type { Figure, Report } from './report.ts';
import { series } from './series.ts';
import { hear, startLoad } from './under-load.ts';

/**
 * Writes a second over all nodes: enough to tell milliseconds apart, and few enough that what was missed meanwhile is
 * caught up with. Near what they can take, clients that give up and ask again would be measured instead.
 */
const RATE = 400;
/** One cluster is struck so often; then it is the next one's turn. */
const STRIKES_PER_ROUND = 10;
/** The cluster has settled, and clients have found it again. */
const CALM_MS = 500;
const RECOVERED_MS_MAX = 30_000;

interface Struck {
  readonly ms: readonly number[];
  readonly gaps: readonly number[];
  readonly acknowledged: number;
  readonly failures: readonly string[];
}

/** What is done to a leader, and how it is undone. */
interface Blow {
  readonly strike: (leader: Member) => Strike;
  readonly undo: (leader: Member) => Promise<unknown>;
}

interface Side {
  readonly label: string;
  readonly found: Founding;
  readonly workload: string;
  readonly isOurs: boolean;
}

interface Trial {
  readonly number: string;
  readonly name: string;
  readonly title: string;
  readonly blow: Blow;
  readonly theirs: readonly Side[];
  readonly must: number;
  readonly goal: number;
  /** Of the 99th percentile. */
  readonly goalOfMost?: number;
}

const OURS: Side = {
  label: 'Quorate, 80/250–500 ms',
  found: quorate,
  workload: 'acquire_lock',
  isOurs: true,
};
const ETCD: Side = { label: 'etcd, its defaults', found: etcd(), workload: 'put', isOurs: false };
const QUICK_ETCD: Side = {
  ...ETCD,
  label: 'etcd, 50/300 ms',
  found: etcd({ heartbeatMs: 50, electionMs: 300 }),
};

const KILLED: Blow = {
  strike: ({ pid }) => ({ kind: 'signal', pid, signal: 'SIGKILL' }),
  undo: async (member) => {
    // The signal came from another process: this one hears of it a little later.
    while (member.isRunning) await pause(1);
    return member.start();
  },
};
const FROZEN: Blow = {
  strike: ({ pid }) => ({ kind: 'signal', pid, signal: 'SIGSTOP' }),
  undo: async ({ pid }) => process.kill(pid, 'SIGCONT'),
};
const HANDED_OVER: Blow = {
  strike: ({ url }) => ({ kind: 'ask', url: `${url}/v1/raft/transfer` }),
  undo: async () => undefined,
};

function tell(load: ChildProcess, order: FailoverOrder): void {
  load.send(order);
}

function urlsOf({ members }: Cluster): readonly string[] {
  return members.map(({ url }) => url);
}

function struck(side: Side, blow: Blow, count: number, settings: Settings): Promise<Struck> {
  return withCluster(side.found, settings, async (cluster, directory) => {
    const load = startLoad('failover-load');
    try {
      await hear(load, 'ready');
      await quiet(settings.force);
      const orders: Orders = {
        urls: urlsOf(cluster),
        workload: side.workload,
        inFlight: 1,
        rate: RATE,
        warmUpMs: 2 * CALM_MS,
        measuredMs: 0,
        from: 0,
        commands: null,
        acknowledgements: join(directory, 'acknowledged'),
      };
      load.send(orders);
      await hear(load, 'measured');
      const [ms, gaps]: [number[], number[]] = [[], []];
      for (let at = 0; at < count; at++) {
        const news = await once(cluster, load, blow);
        ms.push(news.ms);
        gaps.push(news.gapMs);
      }
      const ended = hear(load, 'ended');
      tell(load, { kind: 'end' });
      const { acknowledged } = await ended;
      const failures = side.isOurs ? await lostInAll(cluster, orders) : [];
      return { ms, gaps, acknowledged, failures };
    } finally {
      load.kill('SIGKILL');
    }
  });
}

async function once(cluster: Cluster, load: ChildProcess, blow: Blow) {
  const leader = await settled(cluster);
  tell(load, { kind: 'urls', urls: urlsOf(cluster) });
  await pause(CALM_MS);
  const recovered = hear(load, 'recovered');
  tell(load, { kind: 'strike', strike: blow.strike(leader) });
  const late = pause(RECOVERED_MS_MAX).then(() => {
    throw new Error(`nobody could write for ${RECOVERED_MS_MAX} ms`);
  });
  late.catch(() => undefined);
  const news = await Promise.race([recovered, late]);
  await blow.undo(leader);
  return news;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

function figuresOf(
  { must, goal, goalOfMost }: Trial,
  { label, isOurs }: Side,
  all: Struck[],
): Figure[] {
  const ms = all.flatMap((one) => one.ms);
  const most: Figure = { label: `${label}, p99`, unit: 'ms', series: series([quantile(ms, 0.99)]) };
  const half: Figure = { label, unit: 'ms', series: series(ms) };
  const gaps = series(all.flatMap((one) => one.gaps));
  return [
    isOurs ? { ...half, must, goal, best: 'low' } : half,
    isOurs && goalOfMost !== undefined ? { ...most, goal: goalOfMost, best: 'low' } : most,
    { label: `${label}, longest time without an acknowledgement`, unit: 'ms', series: gaps },
  ];
}

function trial(one: Trial): Benchmark {
  const { number, name, title, blow, theirs } = one;
  const sides = [OURS, ...theirs];
  const run = async (settings: Settings): Promise<Report> => {
    const peers = theirs.length > 0 ? [etcdVersion()] : [];
    const all = new Map<Side, Struck[]>(sides.map((side) => [side, []]));
    for (let left = settings.times; left > 0; left -= STRIKES_PER_ROUND)
      for (const side of sides) {
        const round = await struck(side, blow, Math.min(left, STRIKES_PER_ROUND), settings);
        all.get(side)?.push(round);
        settings.say(`${side.label}: ${round.ms.map((value) => Math.round(value)).join(', ')} ms`);
      }
    const rounds = [...all.values()].flat();
    const acknowledged = (all.get(OURS) ?? []).reduce((sum, round) => sum + round.acknowledged, 0);
    return {
      number,
      name,
      title,
      figures: [...all].flatMap(([side, said]) => figuresOf(one, side, said)),
      notes: [
        [...peers, `${settings.times} times each, ${RATE} writes a second to all nodes`].join('; '),
        `${figure(acknowledged)} acknowledged writes were looked up in the logs of all nodes`,
      ],
      failures: rounds.flatMap(({ failures }) => failures),
    };
  };
  return { number, name, title, run };
}

export const FAILOVER: readonly Benchmark[] = [
  trial({
    number: 'P9',
    name: 'failover',
    title: 'leader killed with SIGKILL → next acknowledged write, against etcd',
    blow: KILLED,
    theirs: [ETCD, QUICK_ETCD],
    must: 300,
    goal: 100,
    goalOfMost: 300,
  }),
  trial({
    number: 'P10',
    name: 'frozen',
    title: 'leader stopped with SIGSTOP → next acknowledged write',
    blow: FROZEN,
    theirs: [QUICK_ETCD],
    must: 600,
    goal: 450,
  }),
  trial({
    number: 'P10',
    name: 'transfer',
    title: 'leader asked to hand over → next acknowledged write, by another leader',
    blow: HANDED_OVER,
    theirs: [],
    must: 100,
    goal: 30,
  }),
];
