/** P17: what three Raft cores commit when nothing but them takes time: 256 bytes, 16 at once. */
import { execFileSync } from 'node:child_process';
import { figure } from '../table.ts';
import type { Benchmark } from './benchmark.ts';
import { compiled } from './compiled.ts';
import { quiet } from './quiet.ts';
import { series } from './series.ts';

const BYTES = 256;
const BATCH = 16;

interface Measured {
  readonly perSecond: number;
  /** µs an entry. */
  readonly cpu: number;
}

export const core: Benchmark = {
  number: 'P17',
  name: 'core',
  title: 'Raft core alone, in memory, 3 nodes, 256 B, 16 at once',
  run: async (settings) => {
    const rounds: Measured[] = [];
    for (let at = 0; at < settings.rounds; at++) {
      await quiet(settings.force);
      const words = [settings.seconds, BYTES, BATCH].map(String);
      const options =
        settings.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', settings.profile];
      const text = execFileSync(process.execPath, [...options, compiled('core-run'), ...words], {
        encoding: 'utf8',
      });
      const one = JSON.parse(text) as Measured;
      rounds.push(one);
      settings.say(`round ${at + 1}: ${figure(Math.round(one.perSecond))}/s`);
    }
    return {
      number: core.number,
      name: core.name,
      title: core.title,
      figures: [
        {
          label: 'entries on all three',
          unit: 'per second',
          series: series(rounds.map(({ perSecond }) => perSecond)),
          must: 200_000,
          goal: 1_000_000,
        },
        { label: 'CPU', unit: 'µs per entry', series: series(rounds.map(({ cpu }) => cpu)) },
      ],
      notes: [
        'one process and one core; messages are handed over as they are, disks are done at once',
      ],
      failures: [],
    };
  },
};
