/** P20: how long a node takes from its start to being ready, on a log of a million entries. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { memoryOf } from '../process-figures.ts';
import { type Benchmark, type Settings, withDirectory } from './benchmark.ts';
import { prepareLog } from './prepared.ts';
import { quiet } from './quiet.ts';
import { series } from './series.ts';
import { nodeOn } from './under-load.ts';

interface Start {
  readonly ms: number;
  readonly rss: number;
  readonly digest: string;
  readonly index: number;
}

async function startOnce(directory: string, settings: Settings): Promise<Start> {
  await quiet(settings.force);
  const node = nodeOn(directory, settings);
  const ms = await node.start();
  const { rss } = await memoryOf(node.pid);
  const status = (await (await fetch(`${node.url}/status`)).json()) as {
    readonly digest: string;
    readonly position: { readonly index: number };
  };
  await node.terminate();
  return { ms, rss, digest: status.digest, index: status.position.index };
}

async function round(prepared: string, withSnapshot: boolean, settings: Settings): Promise<Start> {
  return withDirectory(settings, async (directory) => {
    // Each start leaves an entry and a page behind: every round begins on the same files.
    await cp(prepared, join(directory, 'data'), { recursive: true });
    if (!withSnapshot) await rm(join(directory, 'data', 'snapshots'), { recursive: true });
    return startOnce(directory, settings);
  });
}

export const restart: Benchmark = {
  number: 'P20',
  name: 'restart',
  title: 'start on a log of a million entries, with its snapshot and without',
  run: (settings) =>
    withDirectory(settings, async (prepared) => {
      const log = await prepareLog(prepared, settings);
      const [fast, slow]: [Start[], Start[]] = [[], []];
      for (let at = 0; at < settings.rounds; at++) {
        fast.push(await round(prepared, true, settings));
        slow.push(await round(prepared, false, settings));
        settings.say(
          `round ${at + 1}: ${Math.round(fast.at(-1)?.ms ?? 0)} ms, without snapshot ${Math.round(slow.at(-1)?.ms ?? 0)} ms`,
        );
      }
      const each = (starts: readonly Start[], of: (start: Start) => number) =>
        series(starts.map(of));
      const [ms, rss] = [(start: Start) => start.ms, (start: Start) => start.rss];
      const different = fast.filter((start, at) => start.index !== slow[at]?.index);
      return {
        number: restart.number,
        name: restart.name,
        title: restart.title,
        figures: [
          {
            label: 'with snapshot',
            unit: 'ms',
            series: each(fast, ms),
            must: 2000,
            goal: 1000,
            best: 'low',
          },
          {
            label: 'without',
            unit: 'ms',
            series: each(slow, ms),
            must: 6000,
            goal: 4000,
            best: 'low',
          },
          { label: 'RSS with snapshot', unit: 'MiB', series: each(fast, rss) },
          { label: 'RSS without', unit: 'MiB', series: each(slow, rss) },
        ],
        notes: [
          `${log.index} entries of ${log.command}; the snapshot is at ${log.snapshot}; from spawn to /readyz`,
        ],
        failures: different.map(
          ({ index }) => `with its snapshot the node came to ${index}, without it elsewhere`,
        ),
      };
    }),
};
