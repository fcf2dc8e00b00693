/** What tests of the log need: a clock, frames, a directory that goes away, an open log. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { encodeCommand } from '../../src/log/command.ts';
import { sealFrame } from '../../src/log/frame.ts';
import type { GroupId } from '../../src/log/group.ts';
import { Log, type LogOptions, type ReadOptions } from '../../src/log/log.ts';
import { splitFrames } from '../../src/log/split-frames.ts';
import type { Clock } from '../../src/log/time.ts';

export const MAIN: GroupId = { id: 'main', incarnation: 0 };
export const JOB: GroupId = { id: 'job/42', incarnation: 17 };

/** The clock of the machine. */
const SYSTEM: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delay, task) => {
    const timer = setTimeout(task, delay);
    return () => clearTimeout(timer);
  },
};

/** A clock, the machine's unless said, and how many of its timers are waiting. */
export class CountingClock implements Clock {
  waiting = 0;
  /** The most that ever waited at once. */
  most = 0;
  readonly #below: Clock;

  constructor(below: Clock = SYSTEM) {
    this.#below = below;
  }

  now(): number {
    return this.#below.now();
  }

  monotonic(): number {
    return this.#below.monotonic();
  }

  after(delay: number, task: () => void): () => void {
    this.waiting += 1;
    this.most = Math.max(this.most, this.waiting);
    let over = false;
    const end = (): void => {
      if (!over) this.waiting -= 1;
      over = true;
    };
    const cancel = this.#below.after(delay, () => {
      end();
      task();
    });
    return () => {
      cancel();
      end();
    };
  }
}

/** A sealed frame; `data` makes it as long and as different as a test wants. */
export function frame(index: number, { term = 1, at = index, data = 'x' } = {}): Buffer {
  const unsealed = encodeCommand({ type: 'test', data: { data } });
  sealFrame(unsealed, { term, index, at });
  return unsealed;
}

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-log-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export function optionsFor(directory: string, changes: Partial<LogOptions> = {}): LogOptions {
  return {
    directory,
    nodeId: 'node-1',
    clusterId: 'cluster-1',
    drawId: randomUUID,
    clock: new CountingClock(),
    diskGauge: () => Promise.resolve(0.1),
    onPoison: () => undefined,
    ...changes,
  };
}

/** An open log that is closed when the test is over. */
export async function openedLog(
  directory: string,
  changes: Partial<LogOptions> = {},
): Promise<Log> {
  const log = await Log.open(optionsFor(directory, changes));
  onTestFinished(() => log.close());
  return log;
}

/** Appends the frames `from` to `to`, all at once. */
export async function appendRange(
  log: Log,
  group: GroupId,
  from: number,
  to: number,
): Promise<void> {
  const appended: Promise<void>[] = [];
  for (let index = from; index <= to; index++)
    appended.push(log.append(group, frame(index), 'data'));
  await Promise.all(appended);
}

/** Everything `read` gives, frame by frame. */
export async function framesOf(
  log: Log,
  group: GroupId,
  from: number,
  options: ReadOptions = {},
): Promise<Buffer[]> {
  const frames: Buffer[] = [];
  for await (const chunk of log.read(group, from, options))
    frames.push(...splitFrames(chunk.frames));
  return frames;
}
