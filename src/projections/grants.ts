/**
 * Deadlines of grants (claims, leases, locks), decided from the entry's own time.
 *
 * A grant past its deadline is void for every rule at once; `expire_…` entries only announce it. In each
 * term a grant that had not ended before lives at least until the term's first entry plus the smaller of
 * its lease and GRACE_MS (`term-start.ts`).
 */
import type { Moment } from './projection.ts';
import { GRACE_MS } from './term-start.ts';

export interface Grant {
  /** ms since the epoch. */
  readonly deadline_at: number;
  readonly lease_ms: number;
}

/** When the grant becomes void, in log time. */
export function voidAt({ deadline_at, lease_ms }: Grant, { term_start }: Moment): number {
  const { started_at, previous_at, spared_after } = term_start;
  // One shorter than the grace may have ended in a term that was shorter, too.
  const over = lease_ms < GRACE_MS ? previous_at : spared_after;
  if (deadline_at <= over) return deadline_at;
  return Math.max(deadline_at, started_at + Math.min(lease_ms, GRACE_MS));
}

export function isVoid(grant: Grant, moment: Moment): boolean {
  return voidAt(grant, moment) <= moment.at;
}

/** Whole seconds until a time in log time, at least one: what callers are told to wait. */
export function secondsUntil(until: number, now: number): number {
  return Math.max(1, Math.ceil((until - now) / 1000));
}
