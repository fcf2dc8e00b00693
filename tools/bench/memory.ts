/**
 * P19: what a node keeps: fresh, after a million items were added, claimed and completed, and how that
 * grows from million to million commands, with the bounds on finished rows doing their work.
 *
 * ```
 *  RSS │        ┌──────────── 1 M items: 3 M commands ──────┐
 *      │   ·  · · · · · ·  ·    ← least squares of these: growth
 *      │ ·  the first million commands fills windows, rings and the table of what is over
 *      └──────────────────────────────────────────────────── millions of commands
 * ```
 */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { NodeProcess } from '../node-process.ts';
import { cpuSeconds, memoryOf } from '../process-figures.ts';
import { type Benchmark, type Settings, withDirectory } from './benchmark.ts';
import type { Orders } from './load.ts';
import { figure } from '../table.ts';
import type { Figure } from './report.ts';
import { series } from './series.ts';
import { hear, nodeOn, proposeOpening, startLoad } from './under-load.ts';
import { CYCLE_COMMANDS } from './workload.ts';

const MILLION = 1_000_000;
/** Items between two samples: a million commands. */
const STEP_ITEMS = Math.ceil(MILLION / CYCLE_COMMANDS);
/** Millions of commands after which every window, ring and table has reached its bound. */
const FILLED_MILLIONS = 1.5;
const IN_FLIGHT = 256;
/** Time for the collector after a load. */
const SETTLE_MS = 5000;
const NEVER_MS = 2 ** 31 - 1;

interface Sample {
  readonly items: number;
  /** Of commands. */
  readonly millions: number;
  readonly rss: number;
  readonly peak: number;
  /** CPU seconds of the node so far. */
  readonly cpu: number;
}

async function sample(node: NodeProcess, items: number): Promise<Sample> {
  await pause(SETTLE_MS);
  const [memory, cpu] = await Promise.all([memoryOf(node.pid), cpuSeconds(node.pid)]);
  return { items, millions: (items * CYCLE_COMMANDS) / MILLION, ...memory, cpu };
}

async function cycles(
  node: NodeProcess,
  directory: string,
  { from, count }: { readonly from: number; readonly count: number },
): Promise<string[]> {
  const load: ChildProcess = startLoad('stream-load');
  await hear(load, 'ready');
  const orders: Orders = {
    urls: [node.url],
    workload: 'cycle',
    inFlight: IN_FLIGHT,
    rate: null,
    warmUpMs: NEVER_MS,
    measuredMs: 0,
    from: from * CYCLE_COMMANDS,
    commands: count * CYCLE_COMMANDS,
    acknowledgements: join(directory, 'acknowledged'),
  };
  load.send(orders);
  const { refused, firstRefusal } = await hear(load, 'ended');
  return refused === 0 ? [] : [`${refused} commands were refused, the first: ${firstRefusal}`];
}

/** Least squares: MiB per million. */
function slope(samples: readonly Sample[]): number {
  const mean = (of: (one: Sample) => number): number =>
    samples.reduce((sum, one) => sum + of(one), 0) / samples.length;
  const [x, y] = [mean(({ millions }) => millions), mean(({ rss }) => rss)];
  const along = samples.reduce((sum, one) => sum + (one.millions - x) * (one.rss - y), 0);
  const square = samples.reduce((sum, one) => sum + (one.millions - x) ** 2, 0);
  return along / square;
}

/** The sample in whose time a million items had been completed; the last one where fewer were. */
function afterMillion(samples: readonly Sample[]): Sample | undefined {
  return samples.find(({ items }) => items >= MILLION) ?? samples.at(-1);
}

function figuresOf(fresh: Sample, samples: readonly Sample[]): Figure[] {
  const [after, last] = [afterMillion(samples) ?? fresh, samples.at(-1) ?? fresh];
  const filled = samples.filter(({ millions }) => millions > FILLED_MILLIONS);
  const figures: Figure[] = [
    mebibytes('RSS fresh', fresh.rss, { must: 130, goal: 110 }),
    mebibytes(`RSS after ${figure(after.items / MILLION)} M add–claim–complete`, after.rss, {
      must: 300,
      goal: 200,
    }),
    mebibytes('highest RSS', last.peak, {}),
    {
      label: 'CPU of the node',
      unit: 'µs per command',
      series: series([(last.cpu - fresh.cpu) / last.millions]),
    },
  ];
  if (filled.length > 2)
    figures.push({
      label: 'growth',
      unit: 'MiB per million commands',
      series: series([slope(filled)]),
      must: 5,
      goal: 1,
      best: 'low',
    });
  return figures;
}

function mebibytes(label: string, value: number, bounds: Pick<Figure, 'must' | 'goal'>): Figure {
  return { label, unit: 'MiB', series: series([value]), best: 'low', ...bounds };
}

async function grow(
  node: NodeProcess,
  directory: string,
  settings: Settings,
): Promise<{ readonly samples: Sample[]; readonly failures: string[] }> {
  const [samples, failures]: [Sample[], string[]] = [[], []];
  const items = Math.round(settings.millions * MILLION);
  for (let done = 0; done < items;) {
    const count = Math.min(STEP_ITEMS, items - done);
    failures.push(...(await cycles(node, directory, { from: done, count })));
    done += count;
    const latest = await sample(node, done);
    samples.push(latest);
    settings.say(`${figure(latest.millions)} M commands: ${Math.round(latest.rss)} MiB`);
  }
  return { samples, failures };
}

export const memory: Benchmark = {
  number: 'P19',
  name: 'memory',
  title: 'memory of one node: fresh, after a million items, and from million to million commands',
  run: (settings) =>
    withDirectory(settings, async (directory) => {
      const node = nodeOn(directory, settings);
      await node.start();
      try {
        const fresh = await sample(node, 0);
        await proposeOpening(node);
        const { samples, failures } = await grow(node, directory, settings);
        return {
          number: memory.number,
          name: memory.name,
          title: memory.title,
          figures: figuresOf(fresh, samples),
          notes: [
            `RSS after each million commands: ${samples.map(({ rss }) => Math.round(rss)).join(', ')} MiB`,
          ],
          failures,
        };
      } finally {
        await node.terminate();
      }
    }),
};
