/**
 * One round against three nodes: found, load from another process, measure, kill -9 the leader while it
 * writes. Of ours, the killed node is started again, all come to hold the same, and everything that was
 * acknowledged is looked up in the log of the one that was killed.
 */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { until } from '../../test/end-to-end/condition.ts';
import { diskFlushes } from '../process-figures.ts';
import type { Settings } from './benchmark.ts';
import {
  asked,
  type Cluster,
  cpuOf,
  type Founding,
  fsyncsIn,
  type Member,
  rssOf,
  running,
  settled,
  withCluster,
} from './cluster.ts';
import type { Orders } from './load.ts';
import { OthersLoad, quiet } from './quiet.ts';
import { type Counters, type Rates, ratesOf } from './rates.ts';
import { hear, type LoadProgram, lostOf, startLoad } from './under-load.ts';
import { RENEWED } from './workload.ts';

/**
 * A node that has just started runs code that is not compiled yet, and compiles it beside its work: at 5 000 commands a
 * second that takes a seventh of the CPU of the first fifteen seconds. What is measured is a node that has run for a while.
 */
const WARM_UP_MS = 20_000;
const AT_ONCE = 50;
const SAME_MS_MAX = 120_000;

/** One of those that are compared, and how it is loaded. */
export interface Side {
  readonly found: Founding;
  readonly program: LoadProgram;
  readonly workload: string;
  /** Connections to the leader, or to all in turn; null: the load has one for each operation in flight. */
  readonly connections: number | null;
  readonly spread: 'leader' | 'all';
  /** What is read has to be there: how each lock or key is written before. */
  readonly before?: { readonly path: string; readonly body: (number: number) => object };
  /** Whether what it acknowledged can be looked up in its log. */
  readonly isOurs: boolean;
}

export interface Pressure {
  readonly inFlight: number;
  readonly rate: number | null;
}

export interface ClusterRound extends Rates {
  /** All nodes together, MiB. */
  readonly rss: number;
  readonly others: number;
  readonly acknowledged: number;
  readonly failures: readonly string[];
}

interface Running {
  readonly side: Side;
  readonly pressure: Pressure;
  readonly cluster: Cluster;
  readonly directory: string;
  readonly settings: Settings;
  readonly load: ChildProcess;
}

export function clusterRound(
  side: Side,
  pressure: Pressure,
  settings: Settings,
): Promise<ClusterRound> {
  return withCluster(side.found, settings, async (cluster, directory) => {
    const load = startLoad(side.program);
    try {
      await hear(load, 'ready');
      await prepared(side, await settled(cluster));
      await quiet(settings.force);
      return await measured({ side, pressure, cluster, directory, settings, load });
    } finally {
      load.kill('SIGKILL');
    }
  });
}

async function prepared({ before }: Side, leader: Member): Promise<void> {
  if (before === undefined) return;
  for (let first = 0; first < RENEWED; first += AT_ONCE) {
    const numbers = Array.from({ length: AT_ONCE }, (_, at) => first + at);
    const answers = await Promise.all(
      numbers.map((number) => asked(`${leader.url}${before.path}`, before.body(number))),
    );
    if (answers.includes(undefined)) throw new Error('what is to be read could not be written');
  }
}

async function ordersFor({ side, pressure, cluster, directory, settings }: Running) {
  const leader = await settled(cluster);
  const urls = side.spread === 'all' ? cluster.members.map(({ url }) => url) : [leader.url];
  const connections = Math.max(side.connections ?? 1, urls.length);
  const orders: Orders = {
    urls: Array.from({ length: connections }, (_, at) => urls[at % urls.length]!),
    workload: side.workload,
    ...pressure,
    warmUpMs: WARM_UP_MS,
    measuredMs: settings.seconds * 1000,
    from: 0,
    commands: null,
    acknowledgements: join(directory, 'acknowledged'),
  };
  return { orders, leader };
}

async function sampled(cluster: Cluster): Promise<Counters> {
  const [cpu, syncs] = await Promise.all([cpuOf(cluster), fsyncsIn(cluster)]);
  return { cpu, syncs, flushes: diskFlushes() };
}

async function measured(running: Running): Promise<ClusterRound> {
  const { cluster, load, settings } = running;
  const { orders, leader } = await ordersFor(running);
  load.send(orders);
  await hear(load, 'measuring');
  const own = [...cluster.members.map(({ pid }) => pid), load.pid!];
  const [before, others] = [await sampled(cluster), await OthersLoad.start(own)];
  const measurement = await hear(load, 'measured');
  const [after, share] = [await sampled(cluster), await others.share(own)];
  const rss = await rssOf(cluster);
  const ended = hear(load, 'ended');
  await over(running, leader, settings);
  const { acknowledged, refused, firstRefusal } = await ended;
  const failures = await lost(running, orders, leader);
  if (refused > 0) failures.push(`${refused} operations were refused, the first: ${firstRefusal}`);
  return {
    ...ratesOf(before, after, measurement),
    rss,
    others: share,
    acknowledged,
    failures,
  };
}

/** The load ends when nobody it is connected to is there. A profile is only written in an orderly end. */
async function over({ side, cluster }: Running, leader: Member, settings: Settings): Promise<void> {
  const victims = side.spread === 'all' || !side.isOurs ? cluster.members : [leader];
  const end = side.isOurs && settings.profile !== undefined ? 'terminate' : 'kill';
  await Promise.all(victims.map((member) => member[end]()));
}

/** @returns what was acknowledged and is not in the log of the node that was killed, once it has come back */
async function lost({ side, cluster }: Running, orders: Orders, victim: Member): Promise<string[]> {
  if (!side.isOurs || side.before !== undefined) return [];
  await victim.start();
  await rested(cluster);
  return lostOf(orders, victim.directory, victim.id);
}

/** Ends a cluster of ours. @returns what was acknowledged and is not in the log of every node */
export async function lostInAll(cluster: Cluster, orders: Orders): Promise<string[]> {
  await rested(cluster);
  const failures: string[] = [];
  for (const { directory, id } of cluster.members)
    failures.push(...(await lostOf(orders, directory, id)));
  return failures;
}

/** All hold the same and are stopped in order. */
async function rested(cluster: Cluster): Promise<void> {
  await until('all hold the same', () => areSame(cluster), SAME_MS_MAX);
  await Promise.all(running(cluster).map((member) => member.terminate()));
}

async function areSame(cluster: Cluster): Promise<boolean> {
  const standings = await Promise.all(cluster.members.map((member) => member.standing()));
  const said = new Set(standings.map((one) => `${one?.leader} ${one?.term} ${one?.index}`));
  return said.size === 1 && standings[0] !== undefined && standings[0].leader !== '';
}
