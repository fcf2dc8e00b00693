/**
 * P14: how fast a whole log is audited on one core: read, checksums, decode, fold, digest. Beside it, what
 * `quorate log replay` makes of it, which also computes the roots of all projections at each snapshot
 * and compares them, and the same with every command decided again.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Benchmark, type Settings, withDirectory } from './benchmark.ts';
import { compiled } from './compiled.ts';
import { prepareLog } from './prepared.ts';
import { quiet } from './quiet.ts';
import type { Figure } from './report.ts';
import { series } from './series.ts';

/** What `quorate log replay -o json` says, as far as it matters here. */
interface Replay {
  readonly entries: number;
  readonly seconds: number;
  readonly digest: string;
  /** Only the core says it. */
  readonly cpuMicroseconds?: number;
}

interface Mode {
  readonly label: string;
  /** Program and options, given the directory. */
  readonly command: (directory: string, program: string) => readonly string[];
  readonly bounds: { readonly must?: number; readonly goal?: number };
}

function replayCommand(directory: string, program: string): readonly string[] {
  return [program, 'log', 'replay', '--data-dir', directory, '-o', 'json'];
}

const MODES: readonly Mode[] = [
  {
    label: 'read, checked, decoded, folded',
    command: (directory) => [compiled('replay-run'), directory],
    bounds: { must: 250_000, goal: 400_000 },
  },
  { label: '`quorate log replay`, roots and all', command: replayCommand, bounds: {} },
  {
    label: 'the same, decided again',
    command: (directory, program) => [...replayCommand(directory, program), '--redecide'],
    bounds: {},
  },
];

const run = promisify(execFile);

async function replayOnce(mode: Mode, directory: string, settings: Settings): Promise<Replay> {
  await quiet(settings.force);
  const profile =
    settings.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', settings.profile];
  const node = [process.execPath, ...profile, ...mode.command(directory, settings.program)];
  // One core and no more: garbage collection and decompression must not hide on another.
  const { stdout } = await run('taskset', ['-c', '0', ...node]);
  return JSON.parse(stdout) as Replay;
}

function perSecond({ entries, seconds }: Replay): number {
  return entries / seconds;
}

/** On a busy machine the clock says little, the CPU time a little more. */
function cpuFigure(rounds: readonly Replay[]): Figure {
  const each = rounds.map(({ cpuMicroseconds = Number.NaN, entries }) => cpuMicroseconds / entries);
  return { label: 'CPU of the first', unit: 'µs per entry', series: series(each) };
}

function figureOf({ label, bounds }: Mode, rounds: readonly Replay[]): Figure {
  return { label, unit: 'entries/s', series: series(rounds.map(perSecond)), ...bounds };
}

export const replay: Benchmark = {
  number: 'P14',
  name: 'replay',
  title: 'audit replay of a log: read, checksum, decode, fold; one core',
  run: (settings) =>
    withDirectory(settings, async (directory) => {
      const { digest, index, command } = await prepareLog(directory, settings);
      const rounds: Replay[][] = MODES.map(() => []);
      for (let at = 0; at < settings.rounds; at++)
        for (const [place, mode] of MODES.entries()) {
          const one = await replayOnce(mode, directory, settings);
          rounds[place]?.push(one);
          settings.say(`round ${at + 1}, ${mode.label}: ${Math.round(perSecond(one))}/s`);
        }
      return {
        number: replay.number,
        name: replay.name,
        title: replay.title,
        figures: [
          ...MODES.map((mode, place) => figureOf(mode, rounds[place] ?? [])),
          cpuFigure(rounds[0] ?? []),
        ],
        notes: [`${index} entries of ${command}`],
        failures: rounds
          .flat()
          .filter((one) => one.digest !== digest || one.entries !== index)
          .map(
            (one) =>
              `replayed ${one.entries} entries to ${one.digest}, written were ${index} to ${digest}`,
          ),
      };
    }),
};
