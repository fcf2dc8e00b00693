/**
 * A run as data, drawn from its seed before anything happens: how many nodes, how bad the links, how tight
 * the bounds, and what goes wrong when. Being data, it can be printed, shrunk and run again.
 *
 * Each seed draws which kinds of faults take part at all (swarm testing, Groce et al. 2012): a run with
 * everything at once hides what needs one kind alone.
 */
import type { Bounds, Timing } from '../../../src/protocols/raft/core/input.ts';
import {
  faultsOf,
  type Happening,
  type PlanInCommon,
  sizeOf,
  type Wanted,
} from '../plan-in-common.ts';
import { Chance } from './chance.ts';
import type { Latency } from './disk.ts';
import { type Noise, QUIET } from './network.ts';

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
] as const;
/** What happens at a moment and lasts for a while. */
export const TIMED = [
  'partition',
  'one_way',
  'bridge',
  'flapping',
  'crash',
  'power_cut',
  'pause',
  'slow_disk',
  'hung_disk',
  'failing_disk',
  'wiped_disk',
  'membership',
  'transfer',
  'suspicion',
  'disconnect',
] as const;

type Condition = (typeof CONDITIONS)[number];
export type TimedFault = (typeof TIMED)[number];
export type Fault = Condition | TimedFault;
export const FAULTS: readonly Fault[] = [...CONDITIONS, ...TIMED];

export interface Plan extends PlanInCommon<TimedFault> {
  /** Clocks that differ and run up to a twentieth fast or slow. */
  readonly clocks: boolean;
  readonly disk: Latency;
  /** A snapshot after so many applied entries; Infinity: never. */
  readonly snapshot_every: number;
  readonly timing: Timing;
  readonly bounds: Bounds;
  /** When all is well again, a node is cut off and comes back: nobody may be disturbed by it. */
  readonly returning: boolean;
}

export const TIMING: Timing = {
  heartbeat: 50,
  election: { least: 150, most: 300 },
  disk_patience: 500,
  quorum_patience: 300,
  news: 10,
  stall: 100,
  quiesce_after: 8,
  ease_after: 3,
};

const WIDE: Bounds = {
  in_flight_messages: 64,
  in_flight_bytes: 1_000_000,
  eager_messages: 2,
  message_bytes: 65_536,
  message_entries: 256,
  uncommitted_bytes: 1_000_000,
  cache_bytes: 1_000_000,
  reads: 1_000,
  promotion_lag: 256,
};

/** So often a fault kind takes part in a seed. */
const TAKES_PART = 0.35;
/** Events of one kind per simulated second. */
const PER_SECOND = 0.9;
const SHORT_MS = 3_000;

export function drawPlan(seed: number, wanted: Wanted<Fault> = {}): Plan {
  const chance = new Chance(seed).named('plan');
  const faults = faultsOf(wanted.faults, { all: FAULTS, share: TAKES_PART, chance });
  const milliseconds = wanted.milliseconds ?? SHORT_MS;
  const { voters, spares } = sizeOf(wanted, {
    voters: chance.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 7]),
    spares: faults.has('membership') ? chance.whole(1, 3) : 0,
  });
  return {
    seed,
    voters,
    spares,
    milliseconds,
    clients: chance.whole(1, 4),
    noise: drawNoise(faults, chance.named('noise')),
    clocks: faults.has('clocks'),
    disk: drawLatency(chance.named('disk')),
    snapshot_every: faults.has('compaction') ? chance.named('compaction').whole(5, 60) : Infinity,
    timing: {
      ...TIMING,
      news: chance.named('news').pick([0, 10, 40]),
      quiesce_after: chance.named('quiescence').happens(0.5) ? TIMING.quiesce_after : Infinity,
      ease_after: chance.named('easing').happens(0.5) ? TIMING.ease_after : Infinity,
    },
    bounds: faults.has('small_bounds') ? drawBounds(chance.named('bounds')) : WIDE,
    happenings: drawHappenings(faults, milliseconds, voters + spares, chance),
    returning: chance.named('returning').happens(0.4),
  };
}

function drawNoise(faults: ReadonlySet<Fault>, chance: Chance): Noise {
  const share = (fault: Fault, most: number): number =>
    faults.has(fault) ? chance.named(fault).between(0.01, most) : 0;
  const most = faults.has('delay') ? chance.named('delay').between(5, 120) : QUIET.delay.most;
  return {
    loss: share('loss', 0.3),
    duplication: share('duplication', 0.5),
    replay: share('replay', 0.2),
    reordering: share('reordering', 0.5),
    delay: { least: QUIET.delay.least, most },
  };
}

function drawLatency(chance: Chance): Latency {
  const least = chance.between(0.05, 1);
  return { least, most: least + chance.pick([0.5, 2, 10, 40]) };
}

function drawBounds(chance: Chance): Bounds {
  return {
    in_flight_messages: chance.whole(1, 6),
    eager_messages: chance.whole(1, 3),
    in_flight_bytes: chance.whole(64, 2_000),
    message_bytes: chance.whole(32, 500),
    message_entries: chance.whole(1, 8),
    uncommitted_bytes: chance.whole(200, 2_000),
    cache_bytes: chance.whole(0, 500),
    reads: chance.whole(1, 8),
    promotion_lag: chance.whole(2, 64),
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
        at: own.whole(0, milliseconds),
        fault,
        target: own.happens(0.5) ? 'leader' : own.below(nodes),
        lasts: own.pick([5, 40, 150, 400, 900]) + own.below(100),
        draw: own.below(2 ** 31),
      });
  }
  return happenings.sort((one, other) => one.at - other.at);
}
