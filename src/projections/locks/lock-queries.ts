/**
 * What can be asked about locks. Who holds what is as of the last entry, so that all nodes say the same of
 * it; what is left of a lease is by the clock.
 */
import { secondsUntil } from '../grants.ts';
import { type Page, pageOfRows, type PageRequest } from '../page.ts';
import type { Reading, ReadonlyTables } from '../projection.ts';
import { LOCKS, type Standing, standingOf } from './lock-table.ts';

export type LockView =
  | {
      readonly state: 'held';
      readonly name: string;
      readonly owner: string;
      readonly token: number;
      readonly acquired_at: number;
      /** ms since the epoch; in the first seconds of a term later than the lease alone says. */
      readonly deadline_at: number;
      readonly expires_in: number;
      readonly changed_index: number;
    }
  | {
      readonly state: 'delayed';
      readonly name: string;
      readonly last_owner: string;
      readonly blocked_until: number;
      readonly retry_after_seconds: number;
      readonly changed_index: number;
    };

/** @returns undefined when the lock is free */
export function lockView(
  tables: ReadonlyTables,
  moment: Reading,
  name: string,
): LockView | undefined {
  return viewOf(standingOf(tables.of(LOCKS).get(name), moment), moment);
}

/** Locks that are held or delayed, by name, or those of one owner; a page may hold fewer than `limit`. */
export function listLocks(
  tables: ReadonlyTables,
  moment: Reading,
  { owner, ...page }: PageRequest & { readonly owner?: string | undefined },
): Page<LockView> {
  const selection =
    owner === undefined ? { index: 'by_name', prefix: [] } : { index: 'by_owner', prefix: [owner] };
  const { rows, next } = pageOfRows(tables.of(LOCKS), selection, page);
  return { rows: rows.flatMap((row) => viewOf(standingOf(row, moment), moment) ?? []), next };
}

function viewOf(standing: Standing, { now }: Reading): LockView | undefined {
  if (standing.kind === 'free') return undefined;
  const { row, until } = standing;
  const { name, owner, token, acquired_at, changed_index } = row;
  const seconds = secondsUntil(until, now);
  if (standing.kind === 'delayed')
    return {
      state: 'delayed',
      name,
      last_owner: owner,
      blocked_until: until,
      retry_after_seconds: seconds,
      changed_index,
    };
  return {
    state: 'held',
    name,
    owner,
    token,
    acquired_at,
    deadline_at: until,
    expires_in: seconds,
    changed_index,
  };
}
