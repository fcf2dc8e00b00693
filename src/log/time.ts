/**
 * Time as the rest of the code may see it: an argument, never a global.
 *
 * `node.ts` builds the real clock; tests and the simulator build theirs. Rules never see a clock at
 * all: they compare the entry's own `at`.
 */

export type Milliseconds = number;

export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. May jump. */
  now(): Milliseconds;
  /** Monotonic clock with an arbitrary origin. Never jumps; use it for durations. */
  monotonic(): Milliseconds;
  /** Runs `task` once after `delay`; the returned function cancels it, and is harmless afterwards. */
  after(delay: Milliseconds, task: () => void): () => void;
}
