/**
 * P14: how fast a whole log is audited: read, checksums, decode, fold, digest; one core. Beside it, the
 * same with every command decided again.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Benchmark, type Settings, withDirectory } from './benchmark.ts';
import { compiled } from './compiled.ts';
import { prepareLog } from './prepared.ts';
import { quiet } from './quiet.ts';
import type { Figure } from './report.ts';
import { series } from './series.ts';

interface Replay {
  readonly entries: number;
  readonly bytes: number;
  readonly elapsed: number;
  readonly cpu: number;
  readonly digest: string;
  readonly rss: number;
}

type Mode = 'fold' | 'decide';

const run = promisify(execFile);

async function replayOnce(mode: Mode, directory: string, settings: Settings): Promise<Replay> {
  await quiet(settings.force);
  const profile =
    settings.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', settings.profile];
  const node = [process.execPath, ...profile, compiled('replay-run'), mode, directory];
  // One core and no more: garbage collection and decompression must not hide on another.
  const { stdout } = await run('taskset', ['-c', '0', ...node]);
  return JSON.parse(stdout) as Replay;
}

function figuresOf(mode: Mode, rounds: readonly Replay[]): Figure[] {
  const each = (figure: (round: Replay) => number): Figure['series'] => series(rounds.map(figure));
  const what = mode === 'fold' ? 'replayed' : 'decided again';
  const bounds = mode === 'fold' ? { must: 250_000, goal: 400_000 } : {};
  return [
    {
      label: what,
      unit: 'entries/s',
      series: each((one) => (one.entries / one.elapsed) * 1000),
      ...bounds,
    },
    { label: `${what}, CPU`, unit: 'µs per entry', series: each((one) => one.cpu / one.entries) },
    { label: `${what}, RSS at the end`, unit: 'MiB', series: each((one) => one.rss) },
  ];
}

export const replay: Benchmark = {
  number: 'P14',
  name: 'replay',
  title: 'audit replay of a log: read, checksum, decode, fold; one core',
  run: (settings) =>
    withDirectory(settings, async (directory) => {
      const { digest } = await prepareLog(directory, settings);
      const rounds: Record<Mode, Replay[]> = { fold: [], decide: [] };
      for (let at = 0; at < settings.rounds; at++)
        for (const mode of ['fold', 'decide'] as const) {
          const one = await replayOnce(mode, directory, settings);
          rounds[mode].push(one);
          settings.say(
            `round ${at + 1}, ${mode}: ${Math.round((one.entries / one.elapsed) * 1000)}/s`,
          );
        }
      const all = [...rounds.fold, ...rounds.decide];
      const [first] = all;
      return {
        number: replay.number,
        name: replay.name,
        title: replay.title,
        figures: [...figuresOf('fold', rounds.fold), ...figuresOf('decide', rounds.decide)],
        notes: [
          `${first?.entries ?? 0} entries of ${settings.command}, ${Math.round((first?.bytes ?? 0) / (first?.entries ?? 1))} bytes each`,
        ],
        failures: all
          .filter((one) => one.digest !== digest)
          .map((one) => `the digest is ${one.digest}, and was ${digest} when the log was written`),
      };
    }),
};
