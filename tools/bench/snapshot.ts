/** P21: what a snapshot of a million rows costs those who write meanwhile. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Benchmark, type Settings, withDirectory } from './benchmark.ts';
import { compiled } from './compiled.ts';
import { quiet } from './quiet.ts';
import { ratios, series } from './series.ts';
import type { Stretch } from './snapshot-run.ts';

interface Run {
  readonly before: Stretch;
  readonly meanwhile: Stretch;
  readonly bytes: number;
}

/** Rows the node's own bound on waiting work allows. */
const ROWS_MAX = 1_000_000;

function runOnce(settings: Settings): Promise<Run> {
  return withDirectory(settings, async (directory) => {
    await quiet(settings.force);
    const rows = Math.min(ROWS_MAX, settings.entries);
    const profile =
      settings.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', settings.profile];
    const options = [...profile, compiled('snapshot-run'), directory, rows, settings.seconds];
    const { stdout } = await promisify(execFile)(process.execPath, options.map(String));
    return JSON.parse(stdout) as Run;
  });
}

function perSecond({ written, elapsedMs }: Stretch): number {
  return (written / elapsedMs) * 1000;
}

export const snapshot: Benchmark = {
  number: 'P21',
  name: 'snapshot',
  title: 'a snapshot of a million rows under load',
  async run(settings) {
    const runs: Run[] = [];
    for (let at = 0; at < settings.rounds; at++) {
      const one = await runOnce(settings);
      runs.push(one);
      settings.say(`round ${at + 1}: p99 ${one.meanwhile.p99.toFixed(1)} ms meanwhile`);
    }
    const [before, meanwhile] = [runs.map((run) => run.before), runs.map((run) => run.meanwhile)];
    const late = (of: (stretch: Stretch) => number) => series(meanwhile.map(of));
    return {
      number: snapshot.number,
      name: snapshot.name,
      title: snapshot.title,
      figures: [
        {
          label: 'event loop late, p99',
          unit: 'ms',
          series: late(({ p99 }) => p99),
          must: 30,
          goal: 10,
          best: 'low',
        },
        { label: 'event loop late, worst', unit: 'ms', series: late(({ max }) => max) },
        {
          label: 'late without a snapshot, p99',
          unit: 'ms',
          series: series(before.map(({ p99 }) => p99)),
        },
        {
          label: 'writes, share of those before',
          unit: '',
          series: ratios(meanwhile.map(perSecond), before.map(perSecond)),
          must: 0.6,
          goal: 0.8,
        },
        { label: 'writes before', unit: 'per second', series: series(before.map(perSecond)) },
        { label: 'the snapshot took', unit: 'ms', series: late(({ elapsedMs }) => elapsedMs) },
        {
          label: 'its file',
          unit: 'MiB',
          series: series(runs.map(({ bytes }) => bytes / 2 ** 20)),
        },
      ],
      notes: [
        `${Math.min(ROWS_MAX, settings.entries)} rows; log and machine in one process, 64 writers`,
      ],
      failures: [],
    };
  },
};
