/**
 * Deadlines of grants (claims, leases, locks), decided from the entry's own time.
 *
 * A grant past its deadline is void for every rule at once; `expire_…` entries only announce it. After a
 * change of leader nobody can have renewed for a while through no fault of their own, so in each term a
 * grant lives at least until the term's first entry plus the smaller of its lease and GRACE_MS.
 */
import type { Moment } from './projection.ts';

/** Long enough for a holder to find the new leader and renew; short enough that work is not stuck. */
export const GRACE_MS = 10_000;

export interface Grant {
  /** ms since the epoch. */
  readonly deadline_at: number;
  readonly lease_ms: number;
}

/** When the grant becomes void, in log time. */
export function voidAt(grant: Grant, moment: Moment): number {
  return Math.max(grant.deadline_at, moment.term_started_at + Math.min(grant.lease_ms, GRACE_MS));
}

export function isVoid(grant: Grant, moment: Moment): boolean {
  return voidAt(grant, moment) <= moment.at;
}
