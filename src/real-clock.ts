/** The clock of a real node: the operating system's. The only place in `src` that reads time. */
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from './log/time.ts';
import { TimerWheel } from './protocols/timer-wheel.ts';

/** The longest delay a Node timer holds; a longer one wakes early, and whoever asked looks again. */
const DELAY_MAX = 2 ** 31 - 1;
/** Node cuts a delay to whole milliseconds, and would wake a little early: twice instead of once. */
const LATE_MS = 1;

const system: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delay, task) => {
    const timer = setTimeout(task, Math.min(delay + LATE_MS, DELAY_MAX));
    return () => clearTimeout(timer);
  },
};

const wheel = new TimerWheel(system);

/** However many wait, the process has one timer. */
export const realClock: Clock = { ...system, after: (delay, task) => wheel.after(delay, task) };

/** Lets everything that waits have its turn: long work rests here between slices. */
export async function breathe(): Promise<void> {
  await turn();
}
