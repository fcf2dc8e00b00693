/** P18: what a node costs while nothing happens. */
import { setTimeout as pause } from 'node:timers/promises';
import { cpuSeconds, memoryOf, switchesOf } from '../process-figures.ts';
import { type Benchmark, withDirectory } from './benchmark.ts';
import { quiet } from './quiet.ts';
import { series } from './series.ts';
import { nodeOn } from './under-load.ts';

/** Start-up is over, and what it left to be collected was collected. */
const SETTLE_MS = 5000;
const ROUNDS_MAX = 3;
/** A round is so many times the seconds of other benchmarks: 60 s by default. */
const LENGTH = 15;

export const idle: Benchmark = {
  number: 'P18',
  name: 'idle',
  title: 'CPU of one idle node',
  run: (settings) =>
    withDirectory(settings, async (directory) => {
      const node = nodeOn(directory, settings);
      const [shares, switches, memory]: [number[], number[], number[]] = [[], [], []];
      await node.start();
      try {
        await pause(SETTLE_MS);
        const fresh = await memoryOf(node.pid);
        for (let at = 0; at < Math.min(settings.rounds, ROUNDS_MAX); at++) {
          await quiet(settings.force);
          const [cpu, switched] = [await cpuSeconds(node.pid), await switchesOf(node.pid)];
          await pause(settings.seconds * LENGTH * 1000);
          const elapsed = settings.seconds * LENGTH;
          shares.push(((await cpuSeconds(node.pid)) - cpu) / elapsed);
          switches.push(((await switchesOf(node.pid)) - switched) / elapsed);
          memory.push(fresh.rss);
          settings.say(`round ${at + 1}: ${((shares.at(-1) ?? 0) * 100).toFixed(2)} % of a core`);
        }
      } finally {
        await node.terminate();
      }
      const percent = series(shares.map((share) => share * 100));
      return {
        number: idle.number,
        name: idle.name,
        title: idle.title,
        figures: [
          { label: 'CPU', unit: '% of a core', series: percent, must: 1, goal: 0.5, best: 'low' },
          { label: 'context switches', unit: 'per second', series: series(switches) },
          { label: 'RSS', unit: 'MiB', series: series(memory) },
        ],
        notes: [`rounds of ${settings.seconds * LENGTH} s; CPU time counts in steps of 10 ms`],
        failures: [],
      };
    }),
};
