/**
 * P4–P8: three of our nodes against three of etcd, in alternating rounds on the same disk. Pipelined writes
 * go to the leader of either over one connection: a websocket here, gRPC there. Over HTTP both have the same
 * client, which is what etcd's JSON gateway is for. Reads are linearizable and go to all nodes alike.
 */
import { figure } from '../table.ts';
import type { Benchmark, Settings } from './benchmark.ts';
import { clusterRound, type ClusterRound, type Pressure, type Side } from './cluster-load.ts';
import { etcd, etcdVersion } from './etcd.ts';
import { keyOf, valueOf } from './put.ts';
import { Busy } from './quiet.ts';
import { quorate } from './quorate.ts';
import type { Figure, Report } from './report.ts';
import { ratios, type Series, series } from './series.ts';
import { workload } from './workload.ts';

interface Contest extends Pressure {
  readonly number: string;
  readonly name: string;
  readonly title: string;
  readonly ours: Side;
  /** Whoever we are compared with; the first is the one that counts. */
  readonly theirs: Readonly<Record<string, Side>>;
  readonly compared: 'perSecond' | 'p50' | 'p99';
  readonly must: number;
  readonly goal: number;
}

const OURS = { found: quorate, isOurs: true } as const;
const ETCD = { found: etcd(), isOurs: false } as const;

const STREAM: Side = {
  ...OURS,
  program: 'stream-load',
  workload: 'lock',
  connections: 1,
  spread: 'leader',
};
const GRPC: Side = {
  ...ETCD,
  program: 'grpc-load',
  workload: 'put',
  connections: 1,
  spread: 'leader',
};
/** Go serves many connections with many threads. */
const GRPC_OF_MANY: Side = { ...GRPC, connections: 16 };

const HTTP: Side = { ...STREAM, program: 'http-load', connections: null };
const GATEWAY: Side = { ...HTTP, ...ETCD, workload: 'put' };

const READ: Side = {
  ...HTTP,
  workload: 'get_lock',
  spread: 'all',
  before: { path: '/v1/commands', body: workload('lock') },
};
const RANGE: Side = {
  ...READ,
  ...ETCD,
  workload: 'range',
  before: { path: '/v3/kv/put', body: (number) => putOf(number) },
};

function putOf(number: number): object {
  const { data } = workload('put')(number);
  return { key: keyOf(data).toString('base64'), value: valueOf(data).toString('base64') };
}

/** What is compared of a round: operations a second, or how long one takes, ms. */
const COMPARED: Readonly<Record<Contest['compared'], (round: ClusterRound) => number>> = {
  perSecond: ({ perSecond }) => perSecond,
  p50: ({ latencies }) => latencies.p50,
  p99: ({ latencies }) => latencies.p99,
};

const COLUMNS: readonly (readonly [
  label: string,
  unit: string,
  of: (one: ClusterRound) => number,
])[] = [
  ['operations', 'per second', (one) => one.perSecond],
  ['p50', 'ms', (one) => one.latencies.p50],
  ['p99', 'ms', (one) => one.latencies.p99],
  ['CPU of all nodes', 'µs per operation', (one) => one.nodesCpu],
  ['CPU of the load', 'µs per operation', (one) => one.loadCpu],
  ['fsyncs of all nodes', 'per 1 000 operations', (one) => one.syncs * 1000],
  ['disk flushes', 'per 1 000 operations', (one) => one.flushes * 1000],
  ['RSS of all nodes', 'MiB', (one) => one.rss],
];

function figuresOf(who: string, rounds: readonly ClusterRound[]): Figure[] {
  return COLUMNS.map(([label, unit, of]) => ({
    label: `${who}, ${label}`,
    unit,
    series: series(rounds.map(of)),
  }));
}

/** Ours to theirs, and what it has to be of the one that counts. */
function ratioOf(
  { compared, must, goal }: Contest,
  who: string,
  rounds: readonly (readonly ClusterRound[])[],
): Figure {
  const [ours = [], theirs = []] = rounds.map((side) => side.map(COMPARED[compared]));
  const values: Series = ratios(ours, theirs);
  const best = compared === 'perSecond' ? 'high' : 'low';
  return { label: `ratio to ${who}, ${compared}`, unit: '', series: values, must, goal, best };
}

function reportOf(contest: Contest, rounds: Readonly<Record<string, ClusterRound[]>>): Report {
  const { number, name, title, inFlight, rate } = contest;
  const { Quorate: ours = [], ...theirs } = rounds;
  const all = Object.values(rounds).flat();
  const acknowledged = ours.reduce((sum, one) => sum + one.acknowledged, 0);
  const others = series(all.map((one) => one.others)).median;
  const pressure = rate === null ? `${inFlight} in flight` : `${figure(rate)} a second`;
  return {
    number,
    name,
    title,
    figures: [
      ...Object.entries(theirs).map(([who, side]) => ratioOf(contest, who, [ours, side])),
      ...Object.entries(rounds).flatMap(([who, side]) => figuresOf(who, side)),
    ],
    notes: [
      `${etcdVersion()}; ${pressure}; others used ${figure(others)} of a core`,
      contest.ours.before === undefined
        ? `${figure(acknowledged)} acknowledged commands were looked up after ${ours.length} kills of the leader`
        : 'reads at all nodes alike',
    ],
    failures: all.flatMap(({ failures }) => failures),
  };
}

/** With what was asked for instead of what is usual. */
function askedOf(contest: Contest, { command, inFlight, against = '' }: Settings): Contest {
  const { ours } = contest;
  const theirs = Object.entries(contest.theirs).filter(([who]) => who.includes(against));
  return {
    ...contest,
    inFlight: inFlight ?? contest.inFlight,
    ours: { ...ours, workload: command ?? ours.workload },
    theirs: Object.fromEntries(theirs),
  };
}

function against(usual: Contest): Benchmark {
  return {
    ...usual,
    run: async (settings) => {
      etcdVersion();
      const contest = askedOf(usual, settings);
      const rounds: Record<string, ClusterRound[]> = {};
      const failures: string[] = [];
      for (let at = 0; at < settings.rounds; at++)
        try {
          // A round counts when all have been through it: figures are compared with what was beside them.
          const all = await roundOf(contest, settings);
          for (const [who, one] of all) (rounds[who] ??= []).push(one);
          for (const [who, one] of all) settings.say(`round ${at + 1}: ${lineOf(who, one)}`);
        } catch (fault) {
          if (fault instanceof Busy) throw fault;
          failures.push(`round ${at + 1} broke off: ${(fault as Error).message}`);
        }
      const report = reportOf(contest, rounds);
      return { ...report, failures: [...report.failures, ...failures] };
    },
  };
}

/** Ours and all of theirs, one after the other. */
async function roundOf(contest: Contest, settings: Settings) {
  const all: (readonly [who: string, round: ClusterRound])[] = [];
  for (const [who, side] of Object.entries({ Quorate: contest.ours, ...contest.theirs }))
    all.push([who, await clusterRound(side, contest, settings)]);
  return all;
}

function lineOf(who: string, { perSecond, latencies: { p50, p99 } }: ClusterRound): string {
  return `${who} ${figure(Math.round(perSecond))}/s, p50 ${figure(p50)} ms, p99 ${figure(p99)} ms`;
}

function pipelined(inFlight: number): Benchmark {
  return against({
    number: 'P4',
    name: `pipelined-${inFlight}`,
    title: `commands per second, 3 nodes, pipelined, ${inFlight} in flight, against etcd`,
    inFlight,
    rate: null,
    ours: STREAM,
    theirs: { etcd: GRPC, 'etcd over 16 connections': GRPC_OF_MANY },
    compared: 'perSecond',
    must: 2,
    goal: 3,
  });
}

export const AGAINST_ETCD: readonly Benchmark[] = [
  pipelined(64),
  pipelined(256),
  against({
    number: 'P5',
    name: 'http-3',
    title: 'commands per second, 3 nodes, HTTP, 64 connections to the leader, against etcd',
    inFlight: 64,
    rate: null,
    ours: HTTP,
    theirs: { 'etcd by its JSON gateway': GATEWAY },
    compared: 'perSecond',
    must: 1,
    goal: 1.5,
  }),
  against({
    number: 'P6',
    name: 'one-in-flight',
    title: 'how long one command takes, 3 nodes, one in flight, against etcd',
    inFlight: 1,
    rate: null,
    ours: STREAM,
    theirs: { etcd: GRPC },
    compared: 'p50',
    must: 1.2,
    goal: 0.95,
  }),
  against({
    number: 'P7',
    name: 'open-loop',
    title: 'p99 at 5 000 commands a second, 3 nodes, from the moment each was due, against etcd',
    inFlight: 1,
    rate: 5_000,
    // Each command stands for itself: what is due does not wait for what came of an earlier one.
    ours: { ...STREAM, workload: 'retake_lock' },
    theirs: { etcd: GRPC },
    compared: 'p99',
    must: 1,
    goal: 0.5,
  }),
  against({
    number: 'P8',
    name: 'reads',
    title: 'linearizable reads per second, 3 nodes, 64 in flight, against etcd',
    inFlight: 64,
    rate: null,
    ours: READ,
    theirs: {
      'etcd by its JSON gateway': RANGE,
      'etcd over gRPC': { ...RANGE, program: 'grpc-load', connections: 3 },
    },
    compared: 'perSecond',
    must: 1.5,
    goal: 3,
  }),
];
