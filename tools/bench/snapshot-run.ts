/**
 * Takes a snapshot of many rows while commands go on, in a process of its own:
 *
 *     snapshot-run <directory> <rows> <seconds>
 *
 * Prints one JSON line: what the event loop was late and what was written, before and meanwhile.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { type InnerNode, openInnerNode, proposeMany, proposeOrThrow } from './inner-node.ts';
import { workload } from './workload.ts';

const [directory = '', rows = '', seconds = ''] = process.argv.slice(2);
/** A twentieth of the rows are locks, which the writers take again and again: the rows stay as many. */
const LOCKS = Math.min(50_000, Math.floor(Number(rows) / 20));
const WRITERS = 64;
const SAMPLE_MS = 1;
const LOOK_MS = 50;

export interface Stretch {
  readonly elapsedMs: number;
  readonly written: number;
  /** How late a timer fired, ms, at the 99th percentile and at worst. */
  readonly p99: number;
  readonly max: number;
}

const acquire = workload('acquire_lock');
const writing = new AbortController();
let written = 0;

async function writer(inner: InnerNode, first: number): Promise<void> {
  for (let number = first; !writing.signal.aborted; number += WRITERS) {
    await proposeOrThrow(inner.group, acquire(number % LOCKS));
    written += 1;
  }
}

/** Watches the event loop while `meanwhile` goes on. */
async function watched(meanwhile: () => Promise<unknown>): Promise<Stretch> {
  const delay = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  const [started, before] = [performance.now(), written];
  delay.enable();
  await meanwhile();
  delay.disable();
  return {
    elapsedMs: performance.now() - started,
    written: written - before,
    p99: delay.percentile(99) / 1e6,
    max: delay.max / 1e6,
  };
}

const inner = await openInnerNode(directory);
await proposeMany(inner.group, 'acquire_lock', { from: 0, to: LOCKS });
await proposeMany(inner.group, 'add_work', { from: 0, to: Number(rows) - LOCKS });
while (inner.group.snapshotStatus.in_progress) await pause(LOOK_MS);

const writers = Array.from({ length: WRITERS }, (_, at) => writer(inner, at));
await pause(1000);
const before = await watched(() => pause(Number(seconds) * 1000));
const meanwhile = await watched(() => inner.group.snapshots.take());
writing.abort();
await Promise.all(writers);
const { last_bytes: bytes } = inner.group.snapshotStatus;
await inner.close();
console.log(JSON.stringify({ before, meanwhile, bytes }));
