/**
 * The times of a group, from the three that are set: how often its leader speaks, how long it may be silent, and
 * the grid on which all groups of a node are woken.
 */
import type { Milliseconds } from '../../log/time.ts';
import type { Timing } from './core/input.ts';

export interface Pace {
  readonly tickMs: Milliseconds;
  readonly heartbeatMs: Milliseconds;
  /** The least silence of a leader after which followers elect another. */
  readonly electionMs: Milliseconds;
}

/** Heartbeats without anything to tell after which a group falls silent; `main` never does. */
const QUIESCE_AFTER_BEATS = 20;

/** The same, after which `main` beats half as often until something happens: eight seconds, unless said otherwise. */
const EASE_AFTER_BEATS = 100;

/** Two messages that tell followers nothing but what is committed are so far apart: they may lag so long behind. */
const NEWS_MS: Milliseconds = 10;

/** How long all followers may be silent at once, at least: they share machines, and so their stalls. */
const QUORUM_PATIENCE_MS: Milliseconds = 1_500;

/** Of `main`, which never rests. */
export function timingOf({ tickMs, heartbeatMs, electionMs }: Pace): Timing {
  return {
    heartbeat: heartbeatMs,
    election: { least: electionMs, most: electionMs * 2 },
    disk_patience: electionMs * 10,
    quorum_patience: Math.max(electionMs * 2, QUORUM_PATIENCE_MS),
    news: NEWS_MS,
    // However coarse the grid, who waits for it has not stood still.
    stall: tickMs + heartbeatMs / 2,
    quiesce_after: Number.POSITIVE_INFINITY,
    ease_after: EASE_AFTER_BEATS,
  };
}

/** Of one group among many. */
export const RESTING: Pick<Timing, 'quiesce_after'> = { quiesce_after: QUIESCE_AFTER_BEATS };
