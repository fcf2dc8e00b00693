/**
 * P11: whether followers that stand still for a second cost the leader its office. At 80 % of the load that
 * the cluster can take, one follower after another is stopped (SIGSTOP) for a second, for minutes; the term
 * may not change.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { figure } from '../table.ts';
import type { Benchmark, Settings } from './benchmark.ts';
import { clusterRound } from './cluster-load.ts';
import { asked, type Cluster, type Member, settled, withCluster } from './cluster.ts';
import type { Orders } from './load.ts';
import { OthersLoad, quiet } from './quiet.ts';
import { quorateWith } from './quorate.ts';
import { series } from './series.ts';
import { hear, startLoad } from './under-load.ts';

const SHARE = 0.8;
const IN_FLIGHT = 256;
const STALL_MS = 1_000;
/** From the end of one stall to the next: time to catch up. */
const BETWEEN_MS = 2_000;
/** Each of its commands stands for itself: an election in between refuses some, and the load goes on. */
const WORKLOAD = 'acquire_lock';
const WARM_UP_MS = 2_000;
const MINUTE_MS = 60_000;

/** An hour of this would fill a disk. */
const found = quorateWith({ QUORATE_LOG_RETENTION: '500000 entries' });
const SIDE = {
  found,
  program: 'stream-load',
  workload: WORKLOAD,
  connections: 1,
  spread: 'leader',
  isOurs: true,
} as const;

/** A follower stands still as a process does whose event loop is taken: its sockets stay open. */
async function stall({ pid }: Member): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await pause(STALL_MS);
  process.kill(pid, 'SIGCONT');
}

/** Who leads, since which term. */
interface Office {
  readonly leader: Member;
  readonly term: number;
}

async function officeOf(cluster: Cluster): Promise<Office> {
  const leader = await settled(cluster);
  return { leader, term: (await leader.standing())?.term ?? 0 };
}

/** The same as before, as long as the leader itself says so. */
async function officeNow(cluster: Cluster, before: Office): Promise<Office> {
  const said = await before.leader.standing();
  const isSame = said?.term === before.term && said.leader === before.leader.id;
  return isSame ? before : officeOf(cluster);
}

/** What a node says of its elections and of its timer. */
interface Said {
  readonly last_election?: { readonly why: string; readonly term: number };
  readonly ticks?: { readonly max_late_ms: number };
}

async function saidBy({ url }: Member): Promise<Said> {
  return JSON.parse((await asked(`${url}/raft/status`)) ?? '{}') as Said;
}

/** How late its timer ever was, ms: so long, and a heartbeat more, its followers may have missed it. */
async function latenessOf(member: Member): Promise<number> {
  return (await saidBy(member)).ticks?.max_late_ms ?? Number.NaN;
}

/** Why a leader was elected, in its own words; and how late its predecessor was. */
async function reasonOf({ leader, term }: Office, before: Member): Promise<string> {
  const { last_election: last } = await saidBy(leader);
  const why = last?.term === term ? last.why : 'it does not say why';
  return `${why}; ${before.id} was at most ${await latenessOf(before)} ms late`;
}

interface Stalling {
  readonly stalls: number;
  /** Terms that began meanwhile. */
  readonly elections: number;
  /** Where somebody else was found to lead: when, in which term, and why. */
  readonly told: readonly string[];
  /** How late the timer of who leads at the end ever was, ms. */
  readonly lateness: number;
}

/** Stalls one follower of whoever leads after another. */
async function stallInTurn(cluster: Cluster, minutes: number): Promise<Stalling> {
  const first = await officeOf(cluster);
  const [began, told]: [number, string[]] = [performance.now(), []];
  let office = first;
  let stalls = 0;
  while (performance.now() < began + minutes * MINUTE_MS) {
    const followers = cluster.members.filter((member) => member !== office.leader);
    await stall(followers[stalls % followers.length]!);
    stalls += 1;
    await pause(BETWEEN_MS);
    const now = await officeNow(cluster, office);
    if (now.term !== office.term)
      told.push(
        `after ${Math.round((performance.now() - began) / 1_000)} s ${now.leader.id} leads term ${now.term}: ${await reasonOf(now, office.leader)}`,
      );
    office = now;
  }
  const lateness = await latenessOf(office.leader);
  return { stalls, elections: office.term - first.term, told, lateness };
}

async function measured(settings: Settings, rate: number) {
  return withCluster(found, settings, async (cluster, directory) => {
    const load = startLoad('stream-load');
    try {
      await hear(load, 'ready');
      await quiet(settings.force);
      const orders: Orders = {
        urls: [(await settled(cluster)).url],
        workload: WORKLOAD,
        inFlight: 1,
        rate,
        warmUpMs: WARM_UP_MS,
        measuredMs: settings.minutes * MINUTE_MS,
        from: 0,
        commands: null,
        acknowledgements: join(directory, 'acknowledged'),
      };
      load.send(orders);
      await hear(load, 'measuring');
      const own = [...cluster.members.map(({ pid }) => pid), load.pid!];
      const others = await OthersLoad.start(own);
      const said = hear(load, 'measured');
      const stalling = await stallInTurn(cluster, settings.minutes);
      const { done, elapsedMs, latencies } = await said;
      const share = await others.share(own);
      return { ...stalling, share, perSecond: (done / elapsedMs) * 1000, latencies };
    } finally {
      load.kill('SIGKILL');
    }
  });
}

export const elections: Benchmark = {
  number: 'P11',
  name: 'elections',
  title: 'elections while followers stand still for a second each, at 80 % of the load',
  run: async (settings) => {
    const { perSecond: most, failures } = await clusterRound(
      SIDE,
      { inFlight: IN_FLIGHT, rate: null },
      settings,
    );
    settings.say(`takes ${figure(Math.round(most))}/s`);
    const said = await measured(settings, most * SHARE);
    return {
      number: elections.number,
      name: elections.name,
      title: elections.title,
      figures: [
        {
          label: 'elections',
          unit: '',
          series: series([said.elections]),
          must: 0,
          goal: 0,
          best: 'low',
        },
        { label: 'stalls of a second', unit: '', series: series([said.stalls]) },
        { label: "the leader's timer, at most late", unit: 'ms', series: series([said.lateness]) },
        { label: 'commands', unit: 'per second', series: series([said.perSecond]) },
        { label: 'p99 meanwhile', unit: 'ms', series: series([said.latencies.p99]) },
        { label: 'longest', unit: 'ms', series: series([said.latencies.max]) },
      ],
      notes: [
        `${settings.minutes} minutes at ${figure(Math.round(most * SHARE))} commands a second; others used ${figure(said.share)} of a core`,
        ...said.told,
      ],
      failures,
    };
  },
};
