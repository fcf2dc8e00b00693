/** P18: what nodes cost while nothing happens: one alone, three together, three with 1 000 groups at rest. */
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../test/end-to-end/condition.ts';
import { cpuSeconds, memoryOf, switchesOf } from '../process-figures.ts';
import { type Benchmark, type Settings, withDirectory } from './benchmark.ts';
import { answered, asked, type Cluster, settled, withCluster } from './cluster.ts';
import { etcd, etcdVersion } from './etcd.ts';
import { quiet } from './quiet.ts';
import { quorate } from './quorate.ts';
import type { Figure, Report } from './report.ts';
import { series } from './series.ts';
import { nodeOn } from './under-load.ts';

/**
 * Start-up is over: what it left to be collected was collected, what it left to be compiled is compiled. Of two minutes from
 * the fifth second on, in one run beside other work, the first took 1.4 to 1.9 times as much as the second.
 */
const SETTLE_MS = 60_000;
const ROUNDS_MAX = 3;
/** A round is so many times the seconds of other benchmarks: 60 s by default. */
const LENGTH = 15;
const GROUPS = 1_000;
const GROUPS_AT_ONCE = 20;
/** A quiet group stays in memory for half a minute. */
const REST_MS_MAX = 300_000;
const EXISTS = 409;

/** Of each node, in each round; the busiest, who leads where anybody does, in each round. */
interface Idle {
  readonly busiest: number[];
  readonly shares: number[];
  readonly switches: number[];
  readonly memory: number[];
}

async function watched(pids: readonly number[], settings: Settings): Promise<Idle> {
  const seen: Idle = { busiest: [], shares: [], switches: [], memory: [] };
  const seconds = settings.seconds * LENGTH;
  await pause(SETTLE_MS);
  for (let at = 0; at < Math.min(settings.rounds, ROUNDS_MAX); at++) {
    await quiet(settings.force);
    const before = await Promise.all(pids.map(spent));
    await pause(seconds * 1000);
    const after = await Promise.all(pids.map(spent));
    for (const [place, { cpu, switches, rss }] of after.entries()) {
      seen.shares.push((100 * (cpu - before[place]!.cpu)) / seconds);
      seen.switches.push((switches - before[place]!.switches) / seconds);
      seen.memory.push(rss);
    }
    const newest = seen.shares.slice(-pids.length);
    seen.busiest.push(Math.max(...newest));
    settings.say(
      `round ${at + 1}: ${newest.map((share) => share.toFixed(2)).join(', ')} % of a core`,
    );
  }
  return seen;
}

async function spent(pid: number) {
  const [cpu, switches, { rss }] = await Promise.all([
    cpuSeconds(pid),
    switchesOf(pid),
    memoryOf(pid),
  ]);
  return { cpu, switches, rss };
}

function alone(settings: Settings): Promise<Idle> {
  return withDirectory(settings, async (directory) => {
    const node = nodeOn(directory, settings);
    await node.start();
    try {
      return await watched([node.pid], settings);
    } finally {
      await node.terminate();
    }
  });
}

function pidsOf({ members }: Cluster): readonly number[] {
  return members.map(({ pid }) => pid);
}

function together(settings: Settings): Promise<Idle> {
  return withCluster(quorate, settings, (cluster) => watched(pidsOf(cluster), settings));
}

function withGroups(settings: Settings): Promise<Idle> {
  return withCluster(quorate, settings, async (cluster) => {
    const { url } = await settled(cluster);
    for (let first = 0; first < GROUPS; first += GROUPS_AT_ONCE)
      await Promise.all(
        Array.from({ length: GROUPS_AT_ONCE }, (_, at) => created(url, `job/idle-${first + at}`)),
      );
    settings.say(`${GROUPS} groups were created`);
    await until('all groups rest', () => areAtRest(cluster), REST_MS_MAX);
    return watched(pidsOf(cluster), settings);
  });
}

/** Asked for until it is there: a leader may change meanwhile. */
async function created(url: string, id: string): Promise<void> {
  const command = { type: 'create_group', data: { id, kind: 'job' } };
  await until(`the group ${id} is there`, async () => {
    const status = (await answered(`${url}/v1/commands`, command))?.status ?? 0;
    return status === 200 || status === EXISTS;
  });
}

async function areAtRest({ members }: Cluster): Promise<boolean> {
  const all = await Promise.all(members.map(({ url }) => asked(`${url}/raft/status`)));
  return all.every((text) => {
    if (text === undefined) return false;
    const { group_counts } = JSON.parse(text) as { readonly group_counts: GroupCounts };
    return group_counts.hosted >= GROUPS && group_counts.awake + group_counts.waking === 0;
  });
}

interface GroupCounts {
  readonly hosted: number;
  readonly awake: number;
  readonly waking: number;
}

interface Case {
  readonly label: string;
  readonly must?: number;
  readonly goal?: number;
  readonly watch: (settings: Settings) => Promise<Idle>;
}

const CASES: readonly Case[] = [
  { label: 'one node', must: 1, goal: 0.5, watch: alone },
  { label: 'each of three nodes', must: 1.5, goal: 1, watch: together },
  { label: 'each of three nodes, 1 000 groups at rest', must: 3, goal: 1.5, watch: withGroups },
  {
    label: 'each of three nodes of etcd',
    watch: (settings) =>
      withCluster(etcd(), settings, (cluster) => watched(pidsOf(cluster), settings)),
  },
];

function figuresOf(
  { label, must, goal }: Case,
  { busiest, shares, switches, memory }: Idle,
): Figure[] {
  const cpu: Figure = {
    label: `${label}, CPU of the busiest`,
    unit: '% of a core',
    series: series(busiest),
  };
  return [
    must === undefined || goal === undefined ? cpu : { ...cpu, must, goal, best: 'low' },
    { label: `${label}, CPU`, unit: '% of a core', series: series(shares) },
    { label: `${label}, context switches`, unit: 'per second', series: series(switches) },
    { label: `${label}, RSS`, unit: 'MiB', series: series(memory) },
  ];
}

export const idle: Benchmark = {
  number: 'P18',
  name: 'idle',
  title: 'CPU of idle nodes',
  run: async (settings): Promise<Report> => {
    const version = etcdVersion();
    const figures: Figure[] = [];
    for (const one of CASES) {
      settings.say(one.label);
      figures.push(...figuresOf(one, await one.watch(settings)));
    }
    return {
      number: idle.number,
      name: idle.name,
      title: idle.title,
      figures,
      notes: [
        `rounds of ${settings.seconds * LENGTH} s; CPU time counts in steps of 10 ms; ${version}`,
      ],
      failures: [],
    };
  },
};
