/** The clock of a real node: the operating system's. The only place in `src` that reads time. */
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from './log/time.ts';

/** The longest delay a Node timer holds; a longer one wakes early, and whoever asked looks again. */
const DELAY_MAX = 2 ** 31 - 1;

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delay, task) => {
    const timer = setTimeout(task, Math.min(delay, DELAY_MAX));
    return () => clearTimeout(timer);
  },
};

/** Lets everything that waits have its turn: long work rests here between slices. */
export async function breathe(): Promise<void> {
  await turn();
}
