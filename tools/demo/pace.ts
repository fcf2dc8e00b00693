/**
 * The trace's time made short: when each task is added, and how long it runs.
 *
 * Arrivals keep their rhythm, but for idle stretches, which are cut; running times keep their order, from
 * seconds to months, on a logarithmic scale.
 */
import type { Task } from './trace.ts';

/** A pause between two arrivals counts at most as so many mean pauses. */
const PAUSE_MAX = 4;
/** The part of the whole in which tasks arrive; the rest is for what still runs then. */
const ARRIVAL_PART = 0.8;
/** The longest task runs for this part of the whole. */
const LONGEST_PART = 0.12;

export interface Paced {
  readonly task: Task;
  /** ms after the start */
  readonly at: number;
}

/** @param tasks in the order of their creation */
export function arrivals(tasks: readonly Task[], durationMs: number): readonly Paced[] {
  const pauses = tasks.map((task, at) => task.createdAt - (tasks[at - 1] ?? task).createdAt);
  const mean = pauses.reduce((sum, length) => sum + length, 0) / Math.max(1, pauses.length - 1);
  let elapsed = 0;
  const cut = tasks.map((task, at) => {
    elapsed += Math.min(pauses[at] ?? 0, PAUSE_MAX * mean);
    return { task, elapsed };
  });
  const scale = (durationMs * ARRIVAL_PART) / Math.max(1, elapsed);
  return cut.map(({ task, elapsed: at }) => ({ task, at: at * scale }));
}

/** @returns ms for each task */
export function runningTimes(tasks: readonly Task[], durationMs: number): (task: Task) => number {
  const longest = Math.log1p(tasks.reduce((most, task) => Math.max(most, task.ran), 1));
  return (task) => durationMs * LONGEST_PART * (Math.log1p(task.ran) / longest);
}
