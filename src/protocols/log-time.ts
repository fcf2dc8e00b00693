/**
 * Log time: what a leader stamps its entries with, and what every deadline in the log is compared with.
 *
 * ```
 *  wall clock   ──────────┐ set back an hour          deadlines in log time neither
 *                         └──────────────────         end nor freeze
 *  log time     ──────────────────────────────        at 0.9 to 1.1 of the monotonic clock's pace
 * ```
 *
 * In each term it starts from the wall clock, or from the last stamp where that is later, goes on with the
 * monotonic clock and is drawn to the wall clock by at most SLEW of the time that passes. Stamps never run
 * backwards. The wall clock of a cluster is its nodes' together (`raft/peer-clocks.ts`).
 */
import type { Clock, Milliseconds } from '../log/time.ts';

/** The share by which log time may run fast or slow to come back to the wall clock. */
const SLEW = 0.1;

export class LogTime {
  readonly #clock: Clock;
  #at: Milliseconds;
  #read: Milliseconds;
  /** The last stamp in the log. */
  #stamped: Milliseconds = 0;
  /** The term this node stamped in last. */
  #term = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.now();
    this.#read = clock.monotonic();
  }

  /** Goes on from a stamp that is in the log already, if that is later than now. */
  resume(stamp: Milliseconds): void {
    // The stamp holds for this moment: what has passed before must not be added to it afterwards.
    this.now();
    this.#at = Math.max(this.#at, stamp);
    this.#stamped = Math.max(this.#stamped, stamp);
  }

  /**
   * The stamp of an entry of this node's own. What it took for the time while others led does not count: the
   * first of a term is by the wall clock as it is known now.
   */
  stamp(term: number): Milliseconds {
    if (term !== this.#term) this.#begin(term);
    this.#stamped = this.now();
    return this.#stamped;
  }

  #begin(term: number): void {
    this.#term = term;
    this.#read = this.#clock.monotonic();
    this.#at = Math.max(this.#stamped, this.#clock.now());
  }

  /** Whole milliseconds since the epoch. */
  now(): Milliseconds {
    const monotonic = this.#clock.monotonic();
    const elapsed = monotonic - this.#read;
    this.#read = monotonic;
    const away = this.#clock.now() - (this.#at + elapsed);
    const slew = Math.min(Math.abs(away), elapsed * SLEW);
    this.#at += elapsed + Math.sign(away) * slew;
    return Math.floor(this.#at);
  }
}
