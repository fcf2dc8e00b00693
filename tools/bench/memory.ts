/**
 * P19: what a node keeps: fresh, after a million items were added, claimed and completed, and how that
 * grows from million to million, with the bounds on finished rows doing their work.
 */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { NodeProcess } from '../node-process.ts';
import { memoryOf } from '../process-figures.ts';
import { type Benchmark, type Settings, withDirectory } from './benchmark.ts';
import type { Orders } from './load.ts';
import type { Figure } from './report.ts';
import { series } from './series.ts';
import { hear, nodeOn, proposeOpening, startLoad } from './under-load.ts';
import { CYCLE_COMMANDS } from './workload.ts';

const MILLION = 1_000_000;
const IN_FLIGHT = 256;
/** Time for the collector after a load. */
const SETTLE_MS = 5000;
const NEVER_MS = 2 ** 31 - 1;

interface Sample {
  readonly millions: number;
  readonly rss: number;
  readonly peak: number;
}

async function sample(node: NodeProcess, millions: number): Promise<Sample> {
  await pause(SETTLE_MS);
  return { millions, ...(await memoryOf(node.pid)) };
}

async function cycles(
  node: NodeProcess,
  directory: string,
  { from, count }: { readonly from: number; readonly count: number },
): Promise<string[]> {
  const load: ChildProcess = startLoad('stream-load');
  await hear(load, 'ready');
  const orders: Orders = {
    url: node.url,
    workload: 'cycle',
    inFlight: IN_FLIGHT,
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

function figuresOf(fresh: Sample, samples: readonly Sample[]): Figure[] {
  const [first] = samples;
  const figures: Figure[] = [
    {
      label: 'RSS fresh',
      unit: 'MiB',
      series: series([fresh.rss]),
      must: 130,
      goal: 110,
      best: 'low',
    },
  ];
  if (first !== undefined)
    figures.push({
      label: `RSS after ${first.millions} M add–claim–complete`,
      unit: 'MiB',
      series: series([first.rss]),
      must: 300,
      goal: 200,
      best: 'low',
    });
  // The first million fills windows and rings to their bounds; what comes after is growth.
  if (samples.length > 1)
    figures.push({
      label: 'growth',
      unit: 'MiB per million',
      series: series([slope(samples)]),
      must: 5,
      goal: 1,
      best: 'low',
    });
  return [
    ...figures,
    { label: 'highest RSS', unit: 'MiB', series: series([samples.at(-1)?.peak ?? fresh.peak]) },
  ];
}

async function grow(
  node: NodeProcess,
  directory: string,
  settings: Settings,
): Promise<{ readonly samples: Sample[]; readonly failures: string[] }> {
  const [samples, failures]: [Sample[], string[]] = [[], []];
  for (let done = 0; done < settings.millions;) {
    const step = Math.min(1, settings.millions - done);
    const range = { from: Math.round(done * MILLION), count: Math.round(step * MILLION) };
    failures.push(...(await cycles(node, directory, range)));
    done += step;
    samples.push(await sample(node, done));
    settings.say(`${done} M: ${Math.round(samples.at(-1)?.rss ?? 0)} MiB`);
  }
  return { samples, failures };
}

export const memory: Benchmark = {
  number: 'P19',
  name: 'memory',
  title: 'memory of one node: fresh, after a million items, and from million to million',
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
          notes: samples.map(({ millions, rss }) => `after ${millions} M: ${Math.round(rss)} MiB`),
          failures,
        };
      } finally {
        await node.terminate();
      }
    }),
};
