/**
 * Time as this process lived it: gaps in which it was stopped count as one tick. Deadlines in lived time
 * do not run out while nobody could have kept them, so what the peers sent meanwhile is heard first.
 *
 * ```
 *   outside  ──10──20──30── stopped ──900──910──
 *   lived    ──10──20──30──────────────40───50──
 * ```
 *
 * A gap is seen by a wake-up that comes too late: a core that has nothing to wait for misses nothing.
 */

/** What a gap counts for, in milliseconds. */
const TICK = 10;

export class LivedTime {
  readonly #stall: number;
  /** When the last step was, by the host's clock. */
  #last: number;
  #skipped = 0;
  /** When, by the host's clock, a wake-up was due. */
  #due = Number.POSITIVE_INFINITY;

  constructor(stall: number, now: number) {
    this.#stall = stall;
    this.#last = now;
  }

  /** @returns lived time at a moment of the host's clock */
  at(now: number): number {
    if (now - this.#due > this.#stall) this.#skip(Math.max(0, now - this.#last - TICK));
    this.#last = now;
    return now - this.#skipped;
  }

  /** @returns when, by the host's clock, a deadline in lived time is reached; undefined: never */
  wakeAt(deadline: number): number | undefined {
    this.#due = deadline + this.#skipped;
    return Number.isFinite(deadline) ? this.#due : undefined;
  }

  /** Every deadline is so much later now. */
  #skip(gap: number): void {
    this.#skipped += gap;
    this.#due += gap;
  }
}
