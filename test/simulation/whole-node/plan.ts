/**
 * A run of whole nodes as data, drawn from its seed before anything happens: how many nodes, how bad links,
 * disks and clocks are, and what goes wrong when. Being data, it can be printed, shrunk and run again.
 *
 * Each seed draws which kinds of faults take part at all (swarm testing, Groce et al. 2012).
 */
import type { Retention } from '../../../src/log/retention.ts';
import type { Bounds, Timing } from '../../../src/protocols/raft/core/input.ts';
import {
  faultsOf,
  type Happening,
  type PlanInCommon,
  sizeOf,
  type Wanted,
} from '../plan-in-common.ts';
import { Chance } from '../raft-core/chance.ts';
import type { Latency } from '../raft-core/disk.ts';
import { type Noise, QUIET } from '../raft-core/network.ts';

/** Conditions that hold during the whole safety phase. */
const CONDITIONS = [
  'loss',
  'duplication',
  'reordering',
  'replay',
  'delay',
  'clocks',
  'compaction',
  'small_bounds',
  'jobs',
] as const;
/** What happens at a moment and lasts for a while. */
export const TIMED = [
  'partition',
  'one_way',
  'bridge',
  'flapping',
  'crash',
  'power_cut',
  'blackout',
  'restart',
  'pause',
  'slow_disk',
  'hung_disk',
  'failing_disk',
  'full_disk',
  'wiped_disk',
  'rotten_disk',
  'rotten_derived',
  'clock_jump',
  'transfer',
  'reset',
  'snapshot',
  'membership',
] as const;

type Condition = (typeof CONDITIONS)[number];
export type TimedFault = (typeof TIMED)[number];
export type Fault = Condition | TimedFault;
export const FAULTS: readonly Fault[] = [...CONDITIONS, ...TIMED];

export interface Plan extends PlanInCommon<TimedFault> {
  readonly objects: number;
  /** How long clients think between two operations, at most. */
  readonly thinking: number;
  readonly leaseMs: number;
  /** How far wall clocks are wrong, at most; 0: not at all, and they all run alike. */
  readonly skew: number;
  /**
   * Clocks agree so well that a lease lasts as long as its holder was told. Where they do not, their median moves
   * as voters come, go and hear of each other, and leases end early or late by as much; tokens still fence.
   */
  readonly isTimeSure: boolean;
  readonly disk: Latency;
  readonly retention: Retention;
  readonly timing: Timing;
  readonly bounds: Bounds;
  /** Groups besides main come and go. */
  readonly jobs: boolean;
}

const KIB = 1024;
const WIDE: Bounds = {
  in_flight_messages: 64,
  in_flight_bytes: 1_000 * KIB,
  eager_messages: 2,
  message_bytes: 64 * KIB,
  message_entries: 256,
  uncommitted_bytes: 1_000 * KIB,
  cache_bytes: 1_000 * KIB,
  reads: 1_000,
  promotion_lag: 256,
};

/** So often a fault kind takes part in a seed. */
const TAKES_PART = 0.3;
/** Events of one kind per simulated second. */
const PER_SECOND = 0.12;
export const SAFETY_MS = 20_000;
/** What the models of leases allow for. */
const CLOCKS_AGREE_MS = 100;
/** The first cluster is left in peace for a moment: a founding that fails is not much of a test. */
const PEACE_MS = 600;

export function drawPlan(seed: number, wanted: Wanted<Fault> = {}): Plan {
  const chance = new Chance(seed).named('whole nodes');
  const faults = faultsOf(wanted.faults, { all: FAULTS, share: TAKES_PART, chance });
  const milliseconds = wanted.milliseconds ?? SAFETY_MS;
  const skew = faults.has('clocks') ? chance.named('skew').pick([50, 2_000, 600_000]) : 0;
  const { voters, spares } = sizeOf(wanted, {
    voters: chance.pick([1, 2, 3, 3, 3, 3, 3, 3, 4, 5]),
    spares: faults.has('membership') ? chance.whole(1, 2) : 0,
  });
  return {
    seed,
    voters,
    spares,
    milliseconds,
    clients: chance.whole(2, 5),
    objects: chance.whole(2, 8),
    thinking: chance.pick([100, 400, 1_000]),
    leaseMs: chance.pick([3_000, 5_000, 60_000]),
    noise: drawNoise(faults, chance.named('noise')),
    skew,
    isTimeSure: skew <= CLOCKS_AGREE_MS && !faults.has('clock_jump'),
    disk: drawLatency(chance.named('disk')),
    retention: faults.has('compaction')
      ? { kind: 'entries', entries: chance.named('compaction').whole(1, 100) }
      : { kind: 'all' },
    timing: drawTiming(chance.named('timing')),
    bounds: faults.has('small_bounds') ? drawBounds(chance.named('bounds')) : WIDE,
    jobs: faults.has('jobs'),
    happenings: drawHappenings(faults, milliseconds, voters + spares, chance),
  };
}

function drawTiming(chance: Chance): Timing {
  const election = chance.pick([150, 300]);
  return {
    heartbeat: election / 3,
    election: { least: election, most: election * 2 },
    quorum_patience: chance.pick([election * 2, 1_000]),
    news: chance.pick([0, 10, 40]),
    disk_patience: election * 10,
    stall: election,
    quiesce_after: Number.POSITIVE_INFINITY,
    ease_after: chance.pick([3, Number.POSITIVE_INFINITY]),
  };
}

function drawNoise(faults: ReadonlySet<Fault>, chance: Chance): Noise {
  const share = (fault: Fault, most: number): number =>
    faults.has(fault) ? chance.named(fault).between(0.01, most) : 0;
  const most = faults.has('delay') ? chance.named('delay').between(5, 60) : QUIET.delay.most;
  return {
    loss: share('loss', 0.15),
    duplication: share('duplication', 0.3),
    replay: share('replay', 0.1),
    reordering: share('reordering', 0.5),
    delay: { least: QUIET.delay.least, most },
  };
}

function drawLatency(chance: Chance): Latency {
  const least = chance.between(0.2, 1);
  return { least, most: least + chance.pick([0.5, 2, 10]) };
}

function drawBounds(chance: Chance): Bounds {
  return {
    in_flight_messages: chance.whole(1, 6),
    eager_messages: chance.whole(1, 3),
    in_flight_bytes: chance.whole(500, 4_000),
    message_bytes: chance.whole(100, 2_000),
    message_entries: chance.whole(1, 8),
    uncommitted_bytes: chance.whole(2_000, 20_000),
    cache_bytes: chance.whole(0, 2_000),
    reads: chance.whole(1, 8),
    promotion_lag: chance.whole(8, 64),
  };
}

function drawHappenings(
  faults: ReadonlySet<Fault>,
  milliseconds: number,
  nodes: number,
  chance: Chance,
): readonly Happening<TimedFault>[] {
  const happenings: Happening<TimedFault>[] = [];
  for (const fault of TIMED.filter((kind) => faults.has(kind))) {
    const own = chance.named(`when ${fault}`);
    const count = 1 + own.below(1 + Math.ceil((milliseconds / 1000) * PER_SECOND * 2));
    for (let made = 0; made < count; made += 1)
      happenings.push({
        at: own.whole(PEACE_MS, milliseconds),
        fault,
        target: own.happens(0.4) ? 'leader' : own.below(nodes),
        lasts: own.pick([20, 150, 600, 2_000, 5_000]) + own.below(300),
        draw: own.below(2 ** 31),
      });
  }
  return happenings.sort((one, other) => one.at - other.at);
}

/** What a plan means, in words, for a story. */
export function told(plan: Plan): string {
  const { seed, voters, spares, milliseconds, noise, happenings } = plan;
  const links = `loss ${noise.loss.toFixed(2)}, repeated ${noise.duplication.toFixed(2)} (late ${noise.replay.toFixed(2)}), overtaking ${noise.reordering.toFixed(2)}, delay up to ${noise.delay.most.toFixed(0)} ms`;
  const rest = `${plan.clients} clients of ${plan.objects} objects, clocks wrong by ${plan.skew} ms, retention ${JSON.stringify(plan.retention)}, jobs ${String(plan.jobs)}`;
  const events = happenings.map(
    ({ at, fault, target, lasts }) => `  ${at} ms: ${fault}, ${target}, ${lasts} ms`,
  );
  return [
    `seed ${seed}: ${voters} voters, ${spares} others, ${milliseconds} ms; ${links}; ${rest}`,
    ...events,
  ].join('\n');
}
