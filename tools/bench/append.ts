/**
 * P1: how fast the log takes entries, against the store it stands on: raw classic-level with the same
 * group commit and the same bytes. Each round runs in a process that is killed while it writes; then
 * everything it had acknowledged is looked up.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { Level } from 'level';
import { readUint64 } from '../../src/log/integer.ts';
import { figure } from '../table.ts';
import { MAIN, openLog } from '../read-log.ts';
import { type Benchmark, type Settings, withDirectory } from './benchmark.ts';
import { compiled } from './compiled.ts';
import { OthersLoad, quiet } from './quiet.ts';
import { ratios, series } from './series.ts';

const CALLERS = 64;
const BYTES = 1024;
/** Acknowledgements heard after the measured time, before the process is killed. */
const HEARD = 3;

type Kind = 'log' | 'level';

interface Measured {
  readonly done: number;
  readonly elapsed: number;
  readonly cpu: number;
  readonly bytes: number;
  readonly p50: number;
  readonly p99: number;
}

interface Round extends Measured {
  readonly acknowledged: number;
  readonly found: number;
  readonly others: number;
}

async function lastInLevel(directory: string): Promise<number> {
  const encodings = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;
  const level = new Level<Buffer, Buffer>(join(directory, 'level'), encodings);
  try {
    const keys = await level.keys({ reverse: true, limit: 1 }).all();
    return keys[0] === undefined ? 0 : readUint64(keys[0], 0);
  } finally {
    await level.close();
  }
}

async function lastInLog(directory: string): Promise<number> {
  const log = await openLog(directory);
  const { last } = log.bounds(MAIN);
  await log.close();
  return last;
}

/** What the writing process says between its measured time and its end. */
interface Going {
  readonly acknowledged: number;
  /** CPU seconds since it began. */
  readonly used: number;
}

interface Heard extends Going {
  readonly measured: Measured;
}

async function heard(child: ChildProcess): Promise<Heard> {
  const lines: (Measured | Going)[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    lines.push(JSON.parse(line) as Measured | Going);
    if (lines.length > HEARD) child.kill('SIGKILL');
  }
  const [measured, going] = [lines[0], lines.at(-1)];
  if (measured === undefined || going === undefined || lines.length <= HEARD)
    throw new Error('the writing process ended before its time');
  return { measured: measured as Measured, ...(going as Going) };
}

function round(kind: Kind, settings: Settings): Promise<Round> {
  return withDirectory(settings, async (directory) => {
    await quiet(settings.force);
    const callers = settings.inFlight ?? CALLERS;
    const options = [kind, directory, settings.seconds, callers, BYTES].map(String);
    const others = await OthersLoad.start([]);
    const child = spawn(process.execPath, [compiled('append-run'), ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { measured, acknowledged, used } = await heard(child);
    const share = await others.share([], used);
    const found = await (kind === 'log' ? lastInLog(directory) : lastInLevel(directory));
    return { ...measured, acknowledged, found, others: share };
  });
}

function perSecond({ done, elapsed }: Measured): number {
  return (done / elapsed) * 1000;
}

function lostIn(rounds: readonly Round[]): string[] {
  return rounds
    .filter(({ acknowledged, found }) => found < acknowledged)
    .map(
      ({ acknowledged, found }) =>
        `entry ${acknowledged} was acknowledged, the disk ends at ${found}`,
    );
}

export const append: Benchmark = {
  number: 'P1',
  name: 'append',
  title: 'log append, 1 KiB, 64 callers, fsynced, against raw classic-level',
  async run(settings) {
    const [ours, theirs]: [Round[], Round[]] = [[], []];
    for (let at = 0; at < settings.rounds; at++) {
      ours.push(await round('log', settings));
      theirs.push(await round('level', settings));
      settings.say(
        `round ${at + 1}: log ${Math.round(perSecond(ours[at]!))}/s, level ${Math.round(perSecond(theirs[at]!))}/s`,
      );
    }
    const [log, level] = [ours.map(perSecond), theirs.map(perSecond)];
    const cpu = (rounds: readonly Round[]): number[] => rounds.map((one) => one.cpu / one.done);
    return {
      number: this.number,
      name: this.name,
      title: this.title,
      figures: [
        {
          label: 'ratio, log to level',
          unit: '',
          series: ratios(log, level),
          must: 0.7,
          goal: 0.9,
        },
        { label: 'log', unit: 'entries/s', series: series(log) },
        { label: 'raw classic-level', unit: 'entries/s', series: series(level) },
        { label: 'log, CPU', unit: 'µs per entry', series: series(cpu(ours)) },
        { label: 'raw classic-level, CPU', unit: 'µs per entry', series: series(cpu(theirs)) },
        { label: 'log, p50', unit: 'ms', series: series(ours.map(({ p50 }) => p50)) },
        { label: 'log, p99', unit: 'ms', series: series(ours.map(({ p99 }) => p99)) },
        {
          label: 'raw classic-level, p99',
          unit: 'ms',
          series: series(theirs.map(({ p99 }) => p99)),
        },
      ],
      notes: [
        `others used ${figure(series([...ours, ...theirs].map((one) => one.others)).median)} of a core`,
        `frames of ${ours[0]?.bytes ?? 0} bytes; each round in a process killed while it wrote, then looked up`,
      ],
      failures: lostIn([...ours, ...theirs]),
    };
  },
};
