/**
 * The rows of locks, and how one stands at a moment.
 *
 * A row outlives its grant until `expire_lock` announces the end, so nobody reads `state` alone: the
 * standing is always asked for a moment, and is the same before and after the announcement.
 */
import { type Grant, isVoid, voidAt } from '../grants.ts';
import type { Moment } from '../projection.ts';
import type { TableDefinition } from '../table.ts';

export interface LockRow extends Grant {
  readonly name: string;
  /** The holder, or the last holder while the lock is delayed. */
  readonly owner: string;
  readonly token: number;
  readonly acquired_at: number;
  readonly lock_delay_ms: number;
  /** While delayed: until when nobody gets the lock. */
  readonly blocked_until: number | null;
  readonly state: 'held' | 'delayed';
  /** How often in a row the same owner has acquired it: above 1 its word alone is ambiguous. */
  readonly acquired_count: number;
  readonly changed_index: number;
}

export const LOCKS: TableDefinition<LockRow> = {
  name: 'locks',
  key: (row) => row.name,
  columns: [
    'name',
    'owner',
    'token',
    'acquired_at',
    'deadline_at',
    'lease_ms',
    'lock_delay_ms',
    'blocked_until',
    'state',
    'acquired_count',
    'changed_index',
  ],
  indexes: {
    by_name: [],
    by_owner: ['owner'],
    by_end: { rising: endInIndex },
  },
};

/** A row of its own with the same columns: a literal, which keeps them in the object itself. */
export function copyOf(row: LockRow): { -readonly [Column in keyof LockRow]: LockRow[Column] } {
  return {
    name: row.name,
    owner: row.owner,
    token: row.token,
    acquired_at: row.acquired_at,
    deadline_at: row.deadline_at,
    lease_ms: row.lease_ms,
    lock_delay_ms: row.lock_delay_ms,
    blocked_until: row.blocked_until,
    state: row.state,
    acquired_count: row.acquired_count,
    changed_index: row.changed_index,
  };
}

/** The earliest a row can end or change; a new term may let a grant live a little longer. */
export function endInIndex(row: LockRow): number {
  return row.blocked_until ?? row.deadline_at;
}

/** What a lock is at a moment: nobody's, someone's, or kept from everyone until its delay is over. */
export type Standing =
  | { readonly kind: 'free' }
  | { readonly kind: 'held'; readonly row: LockRow; readonly until: number }
  | { readonly kind: 'delayed'; readonly row: LockRow; readonly until: number };

export function standingOf(row: LockRow | undefined, moment: Moment): Standing {
  if (row === undefined) return { kind: 'free' };
  if (isHeld(row, moment)) return { kind: 'held', row, until: voidAt(row, moment) };
  const until = delayedUntil(row, moment);
  return until > moment.at ? { kind: 'delayed', row, until } : { kind: 'free' };
}

function isHeld(row: LockRow, moment: Moment): boolean {
  return row.state === 'held' && !isVoid(row, moment);
}

/** The delay starts when the grant became void, not when that was announced. */
function delayedUntil(row: LockRow, moment: Moment): number {
  return row.blocked_until ?? voidAt(row, moment) + row.lock_delay_ms;
}
