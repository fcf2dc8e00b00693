/** What time does to work: claims end, and scheduled items are offered. */
import { isVoid, voidAt } from '../grants.ts';
import {
  type Due,
  DUTIES_MAX,
  type Moment,
  type ReadonlyTables,
  type Ruling,
} from '../projection.ts';
import { activateRipe } from './dependencies.ts';
import { type Facts, tell } from './facts.ts';
import { type HeldRow, isGranted, ripeAt, WORK, type WorkRow } from './work-table.ts';

type Expired = Extract<Facts, { readonly type: 'work_expired' }>;

/** Announces that a claim is over: offered again while attempts are left. */
export function expire(ruling: Ruling, row: HeldRow): void {
  const { work_id, token, queue } = row;
  const reason = isOutOfTime(row, ruling) ? 'timeout' : 'lease-expired';
  tell(ruling, queue, { type: 'work_expired', work_id, token, reason, status: afterwards(row) });
}

function isOutOfTime({ claimed_at, timeout_seconds }: HeldRow, { at }: Moment): boolean {
  return claimed_at + timeout_seconds * 1000 <= at;
}

function afterwards({ directive, attempts, max_attempts }: HeldRow): Expired['status'] {
  if (directive === 'cancel') return 'cancelled';
  return attempts < max_attempts ? 'pending' : 'timeout';
}

/** Rechecks each: by now the claim may have been extended, or be another one. */
export function expireWork(ruling: Ruling, { items }: Expiries): undefined {
  for (const { work_id, token } of items) {
    const row = ruling.tables.of(WORK).get(work_id);
    if (row !== undefined && isOver(row, token, ruling)) expire(ruling, row);
  }
  return undefined;
}

interface Expiries {
  readonly items: readonly { readonly work_id: string; readonly token: number }[];
}

function isOver(row: WorkRow, token: number, moment: Moment): row is HeldRow {
  return isGranted(row) && row.token === token && isVoid(row, moment);
}

export function activateWork(
  ruling: Ruling,
  { items }: { readonly items: readonly { readonly work_id: string }[] },
): undefined {
  const known = items.map(({ work_id }) => work_id).filter((id) => ruling.tables.of(WORK).has(id));
  activateRipe(ruling, known);
  return undefined;
}

export function due(tables: ReadonlyTables, moment: Moment): Due {
  const asked = [expiries(tables, moment), activations(tables, moment)];
  const times = asked.flatMap(({ next_at }) => next_at ?? []);
  return {
    duties: asked.flatMap(({ duties }) => duties),
    next_at: times.length === 0 ? undefined : Math.min(...times),
  };
}

/** After a change of leader deadlines in order are not ends in order: what is looked at is bounded. */
function expiries(tables: ReadonlyTables, moment: Moment): Due {
  const soonest = firstRows(tables, 'by_deadline').filter(isGranted);
  const over = soonest.filter((row) => isVoid(row, moment));
  const items = over.map(({ work_id, token }) => ({ work_id, token }));
  return duty('expire_work', items, {
    now: moment.at,
    times: soonest.map((row) => voidAt(row, moment)),
  });
}

function activations(tables: ReadonlyTables, moment: Moment): Due {
  const soonest = firstRows(tables, 'ripening');
  const ripe = soonest.filter((row) => ripeAt(row) <= moment.at);
  const items = ripe.map(({ work_id }) => ({ work_id }));
  return duty('activate_work', items, { now: moment.at, times: soonest.map(ripeAt) });
}

function firstRows(tables: ReadonlyTables, index: string): readonly WorkRow[] {
  const rows: WorkRow[] = [];
  for (const row of tables.of(WORK).select(index, [])) {
    if (rows.length === DUTIES_MAX) break;
    rows.push(row);
  }
  return rows;
}

/** Due now, with what is left over due again at once; or at the first of the coming times. */
function duty(
  type: string,
  items: readonly unknown[],
  { now, times }: { readonly now: number; readonly times: readonly number[] },
): Due {
  if (items.length > 0) return { duties: [{ type, data: { items } }], next_at: now };
  return { duties: [], next_at: times.length === 0 ? undefined : Math.min(...times) };
}
