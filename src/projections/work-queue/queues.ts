/**
 * Queues: how much may wait in each, whether it is paused, and what has happened in it.
 *
 * ```
 *        waiting ≥ soft          waiting ≥ hard
 *  none ───────────────▶ throttle ───────────────▶ reject       adding is refused at reject
 *    ▲ └──────────────── waiting ≥ hard ─────────────▲ │
 *    └── ≤ recovery ──── throttle ◀──── < soft ────────┘
 * ```
 *
 * A level falls only where the one below begins, so that producers are not let in and turned away item
 * by item. `waiting` counts scheduled and pending items.
 */
import { refuse, type Refusal } from '../outcome.ts';
import type { Moment, ReadonlyTables, WritableTables } from '../projection.ts';
import type { TableDefinition } from '../table.ts';
import { WAITING, WORK } from './work-table.ts';

export const QUEUES_MAX = 1000;
/** Items that wait in all queues together; beyond, adding is refused with `backpressure`. */
const WAITING_MAX = 1_000_000;
/** What callers are told who find a queue full: long enough for a fleet to claim some. */
export const RETRY_AFTER_SECONDS = 5;

export const LIMITS = { soft: 50_000, hard: 100_000, recovery: 20_000 } as const;

export const TOTALS = [
  'added',
  'claimed',
  'completed',
  'failed',
  'dead',
  'timeout',
  'cancelled',
  'expired',
] as const;
export type Total = (typeof TOTALS)[number];

export type QueueLevel = 'none' | 'throttle' | 'reject';

export interface Limits {
  readonly soft: number;
  readonly hard: number;
  readonly recovery: number;
}

export interface QueueRow extends Limits, Readonly<Record<Total, number>> {
  readonly queue: string;
  /** Nothing of a paused queue is claimed; what is held goes on. */
  readonly paused: boolean;
  readonly level: QueueLevel;
  /** The last change an operator made; 0: none. */
  readonly changed_index: number;
}

export const QUEUES: TableDefinition<QueueRow> = {
  name: 'work_queues',
  key: (row) => row.queue,
  columns: ['queue', 'paused', 'soft', 'hard', 'recovery', 'level', ...TOTALS, 'changed_index'],
  indexes: { by_name: () => [[]] },
};

/** A queue as it is, or as it would begin. */
export function queueRow(tables: ReadonlyTables, queue: string): QueueRow {
  return (
    tables.of(QUEUES).get(queue) ?? {
      queue,
      paused: false,
      ...LIMITS,
      level: 'none',
      added: 0,
      claimed: 0,
      completed: 0,
      failed: 0,
      dead: 0,
      timeout: 0,
      cancelled: 0,
      expired: 0,
      changed_index: 0,
    }
  );
}

export function changeQueue(
  tables: WritableTables,
  queue: string,
  columns: Partial<QueueRow>,
): void {
  tables.of(QUEUES).put({ ...queueRow(tables, queue), ...columns });
}

type Counting = QueueRow & Record<Total, number>;

/** A row of its own: a literal, which keeps its columns in the object itself. Every command makes one. */
function copyOf(row: QueueRow): QueueRow {
  return {
    queue: row.queue,
    paused: row.paused,
    soft: row.soft,
    hard: row.hard,
    recovery: row.recovery,
    level: row.level,
    added: row.added,
    claimed: row.claimed,
    completed: row.completed,
    failed: row.failed,
    dead: row.dead,
    timeout: row.timeout,
    cancelled: row.cancelled,
    expired: row.expired,
    changed_index: row.changed_index,
  };
}

/** Counts what happened to an item of the queue. */
export function count(tables: WritableTables, queue: string, total: Total): void {
  const row: Counting = copyOf(queueRow(tables, queue));
  row[total] += 1;
  tables.of(QUEUES).put(row);
}

export function waitingIn(tables: ReadonlyTables, queue: string): number {
  return tables.of(WORK).count('waiting', queue);
}

function waitingInAll(tables: ReadonlyTables): number {
  const work = tables.of(WORK);
  return WAITING.reduce((sum, status) => sum + work.count('status', status), 0);
}

type NextLevel = (waiting: number, limits: Limits) => QueueLevel;

const NEXT_LEVEL: Readonly<Record<QueueLevel, NextLevel>> = {
  none: (waiting, { soft, hard }) => {
    if (waiting >= hard) return 'reject';
    return waiting >= soft ? 'throttle' : 'none';
  },
  throttle: (waiting, { hard, recovery }) => {
    if (waiting >= hard) return 'reject';
    return waiting > recovery ? 'throttle' : 'none';
  },
  reject: (waiting, { soft, recovery }) => {
    if (waiting >= soft) return 'reject';
    return waiting > recovery ? 'throttle' : 'none';
  },
};

/** The level a queue is to have, given the one it has. */
export function levelOf(tables: ReadonlyTables, row: QueueRow): QueueLevel {
  return NEXT_LEVEL[row.level](waitingIn(tables, row.queue), row);
}

/** Why a queue takes no further item now. */
export function refusalToAdmit(tables: ReadonlyTables, queue: string): Refusal | undefined {
  const { level, hard } = queueRow(tables, queue);
  if (level === 'reject') return full(`queue ${queue} is full`, hard);
  if (waitingInAll(tables) >= WAITING_MAX) return full('too much work waits', WAITING_MAX);
  return refusalToOpen(tables, queue);
}

/** Why there can be no further queue. */
export function refusalToOpen(tables: ReadonlyTables, queue: string): Refusal | undefined {
  const queues = tables.of(QUEUES);
  const isRoom = queues.has(queue) || queues.size < QUEUES_MAX;
  return isRoom ? undefined : full('too many queues', QUEUES_MAX);
}

function full(detail: string, limit: number): Refusal {
  return refuse('backpressure', detail, { limit, retry_after_seconds: RETRY_AFTER_SECONDS });
}

/** Queues of a claim that are not paused. */
export function openQueues(tables: ReadonlyTables, queues: readonly string[]): readonly string[] {
  return queues.filter((queue) => !queueRow(tables, queue).paused);
}

/** The moment as an operator's change notes it. */
export function changedAt(moment: Moment): Pick<QueueRow, 'changed_index'> {
  return { changed_index: moment.index };
}
