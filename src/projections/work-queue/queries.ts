/**
 * What can be asked about work. Who holds what is as of the last entry, so that all nodes say the same of
 * it; what is left of a claim is by the clock.
 */
import { voidAt } from '../grants.ts';
import { type Page, pageOfRows, type PageRequest, type Selection } from '../page.ts';
import type { Reading, ReadonlyTables } from '../projection.ts';
import {
  type QueueRow,
  queueRow,
  QUEUES,
  RETRY_AFTER_SECONDS,
  TOTALS,
  waitingIn,
} from './queues.ts';
import type { Requirements } from './work-item.ts';
import {
  holderAt,
  inQueue,
  secondsLeft,
  type Status,
  STATUSES,
  WORK,
  type WorkRow,
} from './work-table.ts';

/** An item as callers see it: readable amounts, and what is left of its claim. */
export interface WorkView extends Omit<WorkRow, 'requires' | 'shape' | 'deadline_at'> {
  readonly requires: Omit<Requirements, 'min_gpu_power_milli'> & {
    /** 1 is an H100. */
    readonly min_gpu_power: number;
  };
  /** ms since the epoch; in the first seconds of a term later than the lease alone says. */
  readonly deadline_at: number | null;
  /** Whole seconds, at least one; null when nobody holds it. */
  readonly expires_in: number | null;
}

/** @returns undefined when there is no such item (any more) */
export function workView(
  tables: ReadonlyTables,
  moment: Reading,
  work_id: string,
): WorkView | undefined {
  const row = tables.of(WORK).get(work_id);
  return row && viewOf(row, moment);
}

function viewOf(row: WorkRow, moment: Reading): WorkView {
  const { requires, shape: _shape, ...columns } = row;
  const { min_gpu_power_milli, ...amounts } = requires;
  const holder = holderAt(row, moment);
  return {
    ...columns,
    requires: { ...amounts, min_gpu_power: min_gpu_power_milli / 1000 },
    deadline_at: holder === undefined ? null : voidAt(holder, moment),
    expires_in: holder === undefined ? null : secondsLeft(holder, moment, moment.now),
  };
}

export interface WorkQuery extends PageRequest {
  readonly status?: Status | undefined;
  readonly queue?: string | undefined;
  /** The node that holds the items. */
  readonly holder?: string | undefined;
}

/** Items queue by queue in order of arrival; a holder's just so. A page may hold fewer than `limit`. */
export function listWork(
  tables: ReadonlyTables,
  moment: Reading,
  query: WorkQuery,
): Page<WorkView> {
  const { rows, next } = pageOfRows(tables.of(WORK), selectionOf(query), query);
  const asked = rows.filter((row) => isAsked(row, query));
  return { rows: asked.map((row) => viewOf(row, moment)), next };
}

/** The index that narrows the most; `isAsked` leaves out the rest. */
function selectionOf({ status, queue, holder }: WorkQuery): Selection {
  if (holder !== undefined) return { index: 'by_holder', prefix: [holder] };
  const lanes = status === undefined ? STATUSES : [status];
  return { index: 'by_status', lanes, prefix: queue === undefined ? [] : [queue] };
}

function isAsked(row: WorkRow, { status, queue }: WorkQuery): boolean {
  return isOneOf(status, row.status) && isOneOf(queue, row.queue);
}

function isOneOf(asked: string | undefined, value: string): boolean {
  return asked === undefined || asked === value;
}

type Totals = Pick<QueueRow, (typeof TOTALS)[number]>;

/** A queue: its limits and level, what is in it now, and what ever happened in it. */
export interface QueueView {
  readonly queue: string;
  readonly paused: boolean;
  readonly limits: Pick<QueueRow, 'soft' | 'hard' | 'recovery'>;
  readonly level: QueueRow['level'];
  /** Scheduled and pending. */
  readonly waiting: number;
  /** What callers who are turned away are told; null while they are not. */
  readonly retry_after_seconds: number | null;
  readonly by_status: Readonly<Record<Status, number>>;
  readonly totals: Totals;
  readonly changed_index: number;
}

/** @returns undefined for a queue nothing was ever added to or set for */
export function queueView(tables: ReadonlyTables, queue: string): QueueView | undefined {
  return tables.of(QUEUES).has(queue) ? viewOfQueue(tables, queueRow(tables, queue)) : undefined;
}

/** Queues by name. */
export function listQueues(tables: ReadonlyTables, page: PageRequest): Page<QueueView> {
  const { rows, next } = pageOfRows(tables.of(QUEUES), { index: 'by_name', prefix: [] }, page);
  return { rows: rows.map((row) => viewOfQueue(tables, row)), next };
}

function viewOfQueue(tables: ReadonlyTables, row: QueueRow): QueueView {
  const { queue, paused, soft, hard, recovery, level, changed_index } = row;
  return {
    queue,
    paused,
    limits: { soft, hard, recovery },
    level,
    waiting: waitingIn(tables, queue),
    retry_after_seconds: level === 'reject' ? RETRY_AFTER_SECONDS : null,
    by_status: perStatus((status) => tables.of(WORK).count('queue_status', inQueue(queue, status))),
    totals: sumOfTotals([row]),
    changed_index,
  };
}

function perStatus(count: (status: Status) => number): Readonly<Record<Status, number>> {
  return Object.fromEntries(STATUSES.map((status) => [status, count(status)])) as Record<
    Status,
    number
  >;
}

function sumOfTotals(rows: readonly QueueRow[]): Totals {
  const sums = TOTALS.map((total) => [total, rows.reduce((sum, row) => sum + row[total], 0)]);
  return Object.fromEntries(sums) as Totals;
}

export interface WorkStats {
  /** Items there are, those that are over included until they are trimmed. */
  readonly total: number;
  readonly by_status: Readonly<Record<Status, number>>;
  readonly by_type: Readonly<Record<string, number>>;
  /** Since the beginning, of all queues. */
  readonly totals: Totals;
  /** Queues that are not at level `none`. */
  readonly backpressure: readonly Pick<QueueView, 'queue' | 'level' | 'waiting' | 'limits'>[];
}

export function workStats(tables: ReadonlyTables): WorkStats {
  const work = tables.of(WORK);
  const queues = [...tables.of(QUEUES).select('by_name', [])];
  const pressed = queues.filter(({ level }) => level !== 'none');
  return {
    total: work.size,
    by_status: perStatus((status) => work.count('status', status)),
    by_type: Object.fromEntries(
      [...work.counts('work_type')].sort(([one], [other]) => (one < other ? -1 : 1)),
    ),
    totals: sumOfTotals(queues),
    backpressure: pressed.map(({ queue, level, soft, hard, recovery }) => ({
      queue,
      level,
      waiting: waitingIn(tables, queue),
      limits: { soft, hard, recovery },
    })),
  };
}
