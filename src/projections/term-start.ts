/**
 * How a term began, as far as grants (claims, leases, locks) care: nobody could renew while there was no
 * leader, so what had not ended before the leader was lost lives on for a while under the next one.
 *
 * ```
 *   term 4 ─────────┬──── nobody leads ────┬─ term 5 ──────┬───────────
 *          ▲        │        ▲             │               │
 *    deadline: over │   deadline: nobody   │               └ started_at + grace:
 *    in term 4 and  │   was told, so it    │                 over at the earliest
 *    ever after     │   lives on           └ started_at
 *                   └ previous_at
 * ```
 *
 * What was over once stays over, since somebody may have been told. Whether it was is asked of the log
 * alone, never of a clock: of the stamp of the last entry before the term.
 *
 * A term that ends within the grace of its start has ended no grant it spared, and so spares them to the
 * next: `spared_after` says which deadlines those are, however many leaders came and went.
 */

/** Long enough for a holder to find the new leader and renew; short enough that work is not stuck. */
export const GRACE_MS = 10_000;

/** All in log time, ms since the epoch. */
export interface TermStart {
  /** `at` of the term's first entry. */
  readonly started_at: number;
  /** `at` of the last entry before it. */
  readonly previous_at: number;
  /** A grant with a later deadline, and at least GRACE_MS of lease, was not over when the term began. */
  readonly spared_after: number;
}

/** Before the first entry of all. */
export const NO_TERM: TermStart = { started_at: 0, previous_at: 0, spared_after: 0 };

/** The term that begins with an entry of time `at`, behind one of time `last` of the term before. */
export function nextTerm(before: TermStart, last: number, at: number): TermStart {
  const isShort = last < before.started_at + GRACE_MS;
  const spared_after = isShort ? before.spared_after : last;
  return { started_at: at, previous_at: last, spared_after };
}
