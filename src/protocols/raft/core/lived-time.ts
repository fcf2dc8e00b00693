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
  #skipped = 0;
  #due = Number.POSITIVE_INFINITY;

  constructor(stall: number) {
    this.#stall = stall;
  }

  /** @returns lived time at a moment of the host's clock */
  at(now: number): number {
    const late = now - this.#due;
    if (late > this.#stall) {
      this.#skipped += late - TICK;
      this.#due = now - TICK;
    }
    return now - this.#skipped;
  }

  /** @returns when, by the host's clock, a deadline in lived time is reached; undefined: never */
  wakeAt(deadline: number): number | undefined {
    this.#due = deadline + this.#skipped;
    return Number.isFinite(deadline) ? this.#due : undefined;
  }
}
