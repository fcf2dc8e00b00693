/**
 * How punctual the timer of a core is. A core acts on deadlines: woken late, it speaks late, and its
 * followers look for another leader. So lateness is what an operator sees of a process that has no time.
 */
import type { Milliseconds } from '../../log/time.ts';

/** From here on a wake-up counts as late: a heartbeat may have been missed. */
const LATE_MS: Milliseconds = 50;

export interface TickReport {
  readonly wakes: number;
  /** Of them, those that were at least 50 ms late. */
  readonly late: number;
  readonly last_late_ms: Milliseconds;
  readonly max_late_ms: Milliseconds;
}

export class TickHealth {
  #wakes = 0;
  #late = 0;
  #last = 0;
  #most = 0;

  /** A wake-up came, so long after the tick that it waited for. */
  woken(lateness: Milliseconds): void {
    this.#wakes += 1;
    if (lateness >= LATE_MS) this.#late += 1;
    this.#last = Math.max(0, lateness);
    this.#most = Math.max(this.#most, lateness);
  }

  report(): TickReport {
    return {
      wakes: this.#wakes,
      late: this.#late,
      last_late_ms: Math.round(this.#last),
      max_late_ms: Math.round(this.#most),
    };
  }
}
