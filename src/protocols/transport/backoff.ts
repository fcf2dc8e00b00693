/**
 * How long to wait before the next try: nothing the first time, then twice as long each time up to a
 * bound, and never exactly so, or all who lost the same peer would come back in step.
 */
import type { Milliseconds } from '../../log/time.ts';

const FIRST_MS: Milliseconds = 50;
export const BACKOFF_MS_MAX: Milliseconds = 2_000;

/** @param random in [0, 1) @returns between half of the delay and the whole of it */
export function backoff(failures: number, random: number): Milliseconds {
  if (failures === 0) return 0;
  const delay = Math.min(FIRST_MS * 2 ** (failures - 1), BACKOFF_MS_MAX);
  return delay * (1 - random / 2);
}
