/**
 * P2 and P3: commands per second of one node, every one of them fsynced before it is answered: over one
 * pipelined websocket, and over plain HTTP connections.
 */
import type { Benchmark, Settings } from './benchmark.ts';
import { figure } from '../table.ts';
import type { Figure, Report } from './report.ts';
import { series } from './series.ts';
import { type LoadProgram, type LoadRound, underLoad } from './under-load.ts';

interface Door {
  readonly number: string;
  readonly name: string;
  readonly title: string;
  readonly program: LoadProgram;
  readonly inFlight: number;
  readonly command: string;
  readonly must: number;
  readonly goal: number;
}

function figuresOf(rounds: readonly LoadRound[], { must, goal }: Door): Figure[] {
  const each = (of: (round: LoadRound) => number): Figure['series'] => series(rounds.map(of));
  return [
    { label: 'commands', unit: 'per second', series: each((one) => one.perSecond), must, goal },
    { label: 'p50', unit: 'ms', series: each((one) => one.latencies.p50) },
    { label: 'p99', unit: 'ms', series: each((one) => one.latencies.p99) },
    { label: 'CPU of the node', unit: 'µs per command', series: each((one) => one.nodesCpu) },
    { label: 'CPU of the load', unit: 'µs per command', series: each((one) => one.loadCpu) },
    { label: 'fsyncs', unit: 'per 1 000 commands', series: each((one) => one.syncs * 1000) },
    {
      label: 'disk flushes',
      unit: 'per 1 000 commands',
      series: each((one) => one.flushes * 1000),
    },
    { label: 'RSS of the node', unit: 'MiB', series: each((one) => one.rss) },
    { label: 'ready again after kill -9', unit: 'ms', series: each((one) => one.restartMs) },
  ];
}

function reportOf(door: Door, rounds: readonly LoadRound[]): Report {
  const acknowledged = rounds.reduce((sum, one) => sum + one.acknowledged, 0);
  const others = series(rounds.map((one) => one.others)).median;
  return {
    number: door.number,
    name: door.name,
    title: door.title,
    figures: figuresOf(rounds, door),
    notes: [
      `${door.command}; ${door.inFlight} in flight; others used ${figure(others)} of a core`,
      `${figure(acknowledged)} acknowledged commands were looked up after ${rounds.length} kills`,
    ],
    failures: rounds.flatMap(({ failures }) => failures),
  };
}

/** The door as it is measured: with what was asked for instead of what is usual. */
function askedOf(door: Door, { command, inFlight }: Settings): Door {
  return { ...door, command: command ?? door.command, inFlight: inFlight ?? door.inFlight };
}

function throughput(door: Door): Benchmark {
  return {
    ...door,
    run: async (settings) => {
      const asked = askedOf(door, settings);
      const rounds: LoadRound[] = [];
      for (let at = 0; at < settings.rounds; at++) {
        const one = await underLoad(door.program, asked, settings);
        rounds.push(one);
        settings.say(`round ${at + 1}: ${figure(Math.round(one.perSecond))}/s`);
      }
      return reportOf(asked, rounds);
    },
  };
}

export const stream: Benchmark = throughput({
  number: 'P2',
  name: 'stream',
  title: 'commands per second, one node, fsynced, one pipelined websocket, 256 in flight',
  program: 'stream-load',
  inFlight: 256,
  command: 'lock',
  must: 40_000,
  goal: 80_000,
});

export const http: Benchmark = throughput({
  number: 'P3',
  name: 'http',
  title: 'commands per second, one node, fsynced, HTTP, 64 keep-alive connections',
  program: 'http-load',
  inFlight: 64,
  command: 'lock',
  must: 12_000,
  goal: 22_000,
});
