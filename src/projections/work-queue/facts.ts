/** What can become true of work, and how each of it changes the tables. */
import { assert } from '../assert.ts';
import type { IndexKey } from '../ordered-index.ts';
import type { FoldsOf, Moment, Ruling, WritableTables } from '../projection.ts';
import { joinLane, leaveLane, serve } from './lanes.ts';
import {
  changedAt,
  changeQueue,
  count,
  levelOf,
  type Limits,
  type QueueLevel,
  queueRow,
} from './queues.ts';
import { shapeOf } from './shape.ts';
import { type Json, sharedRequirements, type WorkItem } from './work-item.ts';
import { copyOf, isEnd, UNHELD, WORK, type WorkRow, workRow } from './work-table.ts';

/** Items that are over and kept; beyond, those that ended first go. `?at=` still shows them. */
export const ENDED_MAX = 100_000;
export const ENDED_KEPT_MS = 24 * 60 * 60 * 1000;
/** Rows one fold gives up: more than it adds, so the table always shrinks to its bound. */
const TRIMMED_PER_FOLD = 10;

/** What a lost or failed attempt leads to. */
type Waiting = 'pending' | 'scheduled';

export type Facts =
  | {
      readonly type: 'work_added';
      readonly work_id: string;
      readonly queue: string;
      /** Its place in its batch; the item itself is in the command. */
      readonly position: number;
      readonly waiting_on: readonly string[];
      readonly status: Waiting;
    }
  | { readonly type: 'work_activated'; readonly work_id: string }
  | {
      readonly type: 'work_claimed';
      readonly work_id: string;
      readonly node_id: string;
      readonly token: number;
      readonly lease_ms: number;
      readonly deadline_at: number;
      /** Its place among the items of this claim. */
      readonly place: number;
    }
  | { readonly type: 'work_started'; readonly work_id: string; readonly token: number }
  | {
      readonly type: 'work_extended';
      readonly work_id: string;
      readonly token: number;
      readonly lease_ms: number;
      readonly deadline_at: number;
    }
  | {
      readonly type: 'work_completed';
      readonly work_id: string;
      readonly token: number;
      readonly result: Json;
    }
  | {
      readonly type: 'work_failed';
      readonly work_id: string;
      readonly token: number;
      readonly error: string;
      readonly status: Waiting | 'failed' | 'dead';
      /** When it is offered again. */
      readonly not_before: number | null;
    }
  | { readonly type: 'work_released'; readonly work_id: string; readonly token: number }
  | { readonly type: 'work_cancel_requested'; readonly work_id: string; readonly reason: string }
  | { readonly type: 'work_cancelled'; readonly work_id: string; readonly reason: string }
  | {
      readonly type: 'work_expired';
      readonly work_id: string;
      readonly token: number;
      readonly reason: 'lease-expired' | 'timeout';
      readonly status: 'pending' | 'timeout' | 'cancelled';
    }
  | {
      readonly type: 'work_retried';
      readonly work_id: string;
      readonly excluded_nodes: readonly string[];
      readonly status: Waiting;
    }
  | {
      readonly type: 'work_purged';
      readonly queue: string;
      readonly work_ids: readonly string[];
    }
  | ({ readonly type: 'queue_set'; readonly queue: string } & Limits)
  | { readonly type: 'queue_paused'; readonly queue: string }
  | { readonly type: 'queue_resumed'; readonly queue: string }
  | {
      readonly type: 'queue_level_changed';
      readonly queue: string;
      readonly level: QueueLevel;
    };

type Added = Extract<Facts, { readonly type: 'work_added' }>;

/** Emits a fact about a queue or its items, and the level of the queue when that changes with it. */
export function tell(ruling: Ruling, queue: string, fact: Facts): void {
  ruling.emit<Facts>(fact);
  const row = queueRow(ruling.tables, queue);
  const level = levelOf(ruling.tables, row);
  if (level !== row.level) ruling.emit<Facts>({ type: 'queue_level_changed', queue, level });
}

/** Writes a row; the lanes it left and came to show their heads. */
function put(tables: WritableTables, row: WorkRow): void {
  const before = tables.of(WORK).get(row.work_id);
  tables.of(WORK).put(row);
  if (before?.status === 'pending') leaveLane(tables, before);
  if (row.status === 'pending') joinLane(tables, row);
}

function remove(tables: WritableTables, row: WorkRow): void {
  tables.of(WORK).remove(row.work_id);
  if (row.status === 'pending') leaveLane(tables, row);
}

function change(
  tables: WritableTables,
  { work_id, moment }: { readonly work_id: string; readonly moment: Moment },
  columns: Partial<WorkRow>,
): WorkRow {
  const copy = copyOf(workRow(tables, work_id));
  const row = Object.assign(copy, columns, { changed_index: moment.index });
  put(tables, row);
  return row;
}

/**
 * The end of a claim: over, or waiting again with nobody holding it. An item that is over keeps the
 * columns of its last holder.
 */
function settle(
  tables: WritableTables,
  at: { readonly work_id: string; readonly moment: Moment },
  columns: Partial<WorkRow> & Pick<WorkRow, 'status'>,
): WorkRow {
  const { status } = columns;
  if (!isEnd(status)) return change(tables, at, { ...UNHELD, ...columns });
  const row = change(tables, at, {
    directive: 'none',
    ended_at: at.moment.at,
    // Nobody asks any more who may have it; a retry works it out again.
    shape: '',
    ...columns,
  });
  count(tables, row.queue, status);
  trim(tables, at.moment);
  return row;
}

function trim(tables: WritableTables, moment: Moment): void {
  const work = tables.of(WORK);
  for (let trimmed = 0; trimmed < TRIMMED_PER_FOLD; trimmed++) {
    const oldest = work.index('by_end').first([]);
    if (oldest === undefined || !isToGo(tables, oldest, moment)) return;
    work.remove(oldest.at(-1) as string);
  }
}

function isToGo(tables: WritableTables, [ended_at]: IndexKey, moment: Moment): boolean {
  const isOld = (ended_at as number) + ENDED_KEPT_MS <= moment.at;
  return isOld || tables.of(WORK).index('by_end').size > ENDED_MAX;
}

/** What waited for a completed item waits for one less. */
function meetDependency(tables: WritableTables, work_id: string): void {
  const work = tables.of(WORK);
  // All of them first: an index must not change while it is walked.
  const waiters = [...work.select('by_dependency', [work_id])];
  for (const row of waiters)
    work.put({ ...row, waiting_on: row.waiting_on.filter((other) => other !== work_id) });
}

/** An unmet dependency counts those who ever named it: the bound on what its completion touches. */
function countDependent(tables: WritableTables, work_id: string): void {
  const row = tables.of(WORK).get(work_id);
  if (row !== undefined) tables.of(WORK).put({ ...row, dependents: row.dependents + 1 });
}

/** What most items leave out is one object for all of them: a hundred thousand empty ones are not free. */
const NOTHING: Json = {};
const NO_NAMES: readonly string[] = [];

function isEmpty(object: Json): boolean {
  for (const _name in object) return false;
  return true;
}

function shared(names: readonly string[]): readonly string[] {
  return names.length === 0 ? NO_NAMES : names;
}

/** The data of the two commands that add work, as their schemas parsed it. */
type AddedData = WorkItem | { readonly items: readonly WorkItem[] };

function itemAt(data: AddedData, position: number): WorkItem {
  if (!('items' in data)) return data;
  const item = data.items[position];
  assert(item !== undefined, 'an added item is in its batch');
  return item;
}

/** Column by column: spread from an item that was just parsed, this was a third of the cost of adding. */
function newRow({ position, waiting_on, status }: Added, moment: Moment): WorkRow {
  const item = itemAt(moment.data as AddedData, position);
  return {
    work_id: item.work_id,
    work_type: item.work_type,
    queue: item.queue,
    status,
    priority: item.priority,
    config: isEmpty(item.config) ? NOTHING : item.config,
    requires: sharedRequirements(item.requires),
    excluded_nodes: shared(item.excluded_nodes),
    target_node: item.target_node,
    unique_key: item.unique_key,
    group_key: item.group_key,
    depends_on: shared(item.depends_on),
    waiting_on: shared(waiting_on),
    dependents: 0,
    max_attempts: item.max_attempts,
    attempts: 0,
    timeout_seconds: item.timeout_seconds,
    not_before: item.not_before,
    added_index: moment.index,
    added_at: moment.at,
    position,
    shape: shapeOf(item),
    claim_count: 0,
    ...UNHELD,
    ended_at: null,
    result: null,
    error: null,
    changed_index: moment.index,
  };
}

export const folds: FoldsOf<Facts> = {
  work_added: (tables, added, moment) => {
    put(tables, newRow(added, moment));
    for (const work_id of added.waiting_on) countDependent(tables, work_id);
    count(tables, added.queue, 'added');
  },
  work_activated: (tables, { work_id }, moment) =>
    void change(tables, { work_id, moment }, { status: 'pending' }),
  work_claimed: (tables, { work_id, node_id, token, lease_ms, deadline_at, place }, moment) => {
    const { attempts, claim_count } = workRow(tables, work_id);
    const columns = {
      status: 'claimed',
      claimed_by: node_id,
      token,
      claim_count: claim_count + 1,
      claimed_at: moment.at,
      deadline_at,
      lease_ms,
      attempts: attempts + 1,
    } as const;
    const row = change(tables, { work_id, moment }, columns);
    serve(tables, row, { index: moment.index, place });
    count(tables, row.queue, 'claimed');
  },
  work_started: (tables, { work_id }, moment) =>
    void change(tables, { work_id, moment }, { status: 'running', started_at: moment.at }),
  work_extended: (tables, { work_id, lease_ms, deadline_at }, moment) =>
    void change(tables, { work_id, moment }, { lease_ms, deadline_at }),
  work_completed: (tables, { work_id, result }, moment) => {
    const kept = isEmpty(result) ? NOTHING : result;
    settle(tables, { work_id, moment }, { status: 'completed', result: kept, error: null });
    meetDependency(tables, work_id);
  },
  work_failed: (tables, { work_id, status, error, not_before }, moment) =>
    void settle(tables, { work_id, moment }, { status, error, not_before }),
  work_released: (tables, { work_id }, moment) => {
    const { attempts } = workRow(tables, work_id);
    settle(tables, { work_id, moment }, { status: 'pending', attempts: attempts - 1 });
  },
  work_cancel_requested: (tables, { work_id, reason }, moment) =>
    void change(tables, { work_id, moment }, { directive: 'cancel', error: reason }),
  work_cancelled: (tables, { work_id, reason }, moment) =>
    void settle(tables, { work_id, moment }, { status: 'cancelled', error: reason }),
  work_expired: (tables, { work_id, status, reason }, moment) => {
    const { queue, error } = workRow(tables, work_id);
    count(tables, queue, 'expired');
    const why = status === 'cancelled' ? error : reason;
    settle(tables, { work_id, moment }, { status, error: why });
  },
  work_retried: (tables, { work_id, excluded_nodes, status }, moment) => {
    const before = workRow(tables, work_id);
    const shape = shapeOf({ ...before, excluded_nodes });
    const revived = { ...UNHELD, attempts: 0, ended_at: null, error: null, result: null };
    change(tables, { work_id, moment }, { ...revived, excluded_nodes, shape, status });
  },
  work_purged: (tables, { work_ids }) => {
    for (const work_id of work_ids) remove(tables, workRow(tables, work_id));
  },
  queue_set: (tables, { queue, soft, hard, recovery }, moment) =>
    changeQueue(tables, queue, { soft, hard, recovery, ...changedAt(moment) }),
  queue_paused: (tables, { queue }, moment) =>
    changeQueue(tables, queue, { paused: true, ...changedAt(moment) }),
  queue_resumed: (tables, { queue }, moment) =>
    changeQueue(tables, queue, { paused: false, ...changedAt(moment) }),
  queue_level_changed: (tables, { queue, level }) => changeQueue(tables, queue, { level }),
};
