/**
 * Time as this process lived it: of a gap in which it was stopped, what is past the moment at which it should
 * have been woken counts as one tick. Deadlines in lived time do not run out while nobody could have kept
 * them, so what the peers sent meanwhile is heard first.
 *
 * ```
 *   outside  ──10──20──30── stopped, to be woken at 80 ──900──910──
 *   lived    ──10──20──30──────────────────────────────90──100──
 * ```
 *
 * A gap is seen by a wake-up that comes too late. So whoever waits for anything is woken now and then, or a gap
 * that ends just before its deadline would not be seen; a core that has nothing to wait for misses nothing.
 */
import type { Timing } from './input.ts';
import { EASED_BEATS } from './messages.ts';

/** What lateness counts for, in milliseconds. */
const TICK = 10;

/** Longest sleep, in heartbeats: who hears one in time is never woken by it, though every second one be left out. */
const SLEEP_BEATS_MAX = EASED_BEATS + 0.5;

export class LivedTime {
  readonly #stall: number;
  readonly #sleep: number;
  /** When the last step was, by the host's clock. */
  #last: number;
  #skipped = 0;
  /** When, by the host's clock, a wake-up was due. */
  #due = Number.POSITIVE_INFINITY;

  constructor({ stall, heartbeat }: Timing, now: number) {
    this.#stall = stall;
    this.#sleep = heartbeat * SLEEP_BEATS_MAX;
    this.#last = now;
  }

  /** @returns lived time at a moment of the host's clock */
  at(now: number): number {
    if (now - this.#due > this.#stall) this.#skip(Math.max(0, now - this.#due - TICK));
    this.#last = now;
    return now - this.#skipped;
  }

  /** @returns when, by the host's clock, to look whether a deadline in lived time is reached; undefined: never */
  wakeAt(deadline: number): number | undefined {
    this.#due = Number.isFinite(deadline)
      ? Math.min(deadline + this.#skipped, this.#last + this.#sleep)
      : deadline;
    return Number.isFinite(deadline) ? this.#due : undefined;
  }

  /** Every deadline is so much later now. */
  #skip(gap: number): void {
    this.#skipped += gap;
    this.#due += gap;
  }
}
