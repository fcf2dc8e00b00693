/**
 * The rows of job assignments: which node runs which job, and how far it is.
 *
 * Rows of ended assignments stay to be asked about, within ENDED_MAX and ENDED_KEPT_MS of log time; then
 * folds trim them, a few at a time, so that no entry pays for a backlog.
 */
import { assert } from '../assert.ts';
import type { Moment, ReadonlyTables, WritableTables } from '../projection.ts';
import type { TableDefinition } from '../table.ts';
import { PLACEMENTS } from './placement.ts';

/** Assignments not yet ended; beyond, a new one is refused with `backpressure`. */
export const ACTIVE_MAX = 100_000;
/** Ended assignments kept; beyond, the oldest goes. */
export const ENDED_MAX = 100_000;
/** How long, in log time, an ended assignment is kept. */
export const ENDED_KEPT_MS = 24 * 60 * 60 * 1000;
/** The most rows one fold trims. At least two, so that trimming is faster than ending. */
const TRIM_MAX = 8;

export const STATUSES = ['assigned', 'running', 'completed', 'failed'] as const;
export type AssignmentStatus = (typeof STATUSES)[number];

/** The job as it was asked for. */
export interface JobFields {
  readonly job_id: string;
  readonly job_type: string;
  readonly board_type: string;
  readonly num_players: number;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface AssignmentRow extends JobFields {
  readonly node_id: string;
  readonly status: AssignmentStatus;
  readonly token: number;
  readonly assigned_index: number;
  readonly assigned_at: number;
  readonly started_at: number | null;
  /** When it ended, well or not. */
  readonly completed_at: number | null;
  /** How often it moved to another node, or anew to the same. */
  readonly reassigned_count: number;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly error: string | null;
  readonly changed_index: number;
}

export const ASSIGNMENTS: TableDefinition<AssignmentRow> = {
  name: 'assignments',
  key: (row) => row.job_id,
  columns: [
    'job_id',
    'job_type',
    'board_type',
    'num_players',
    'config',
    'node_id',
    'status',
    'token',
    'assigned_index',
    'assigned_at',
    'started_at',
    'completed_at',
    'reassigned_count',
    'result',
    'error',
    'changed_index',
  ],
  indexes: {
    by_assignment: ['assigned_index'],
    by_node: ['node_id', 'status', 'assigned_index'],
    by_status: ['status', 'assigned_index'],
    by_end: (row) => (row.completed_at === null ? [] : [[row.completed_at]]),
  },
  counters: {
    status: (row) => row.status,
    node: (row) => row.node_id,
    active_on_node: (row) => (row.completed_at === null ? row.node_id : undefined),
  },
};

export function activeCount(tables: ReadonlyTables): number {
  const assignments = tables.of(ASSIGNMENTS);
  return assignments.size - assignments.index('by_end').size;
}

/** Replaces columns of a row that a fact speaks of. */
export function change(
  tables: WritableTables,
  job_id: string,
  columns: Partial<AssignmentRow>,
): void {
  const row = tables.of(ASSIGNMENTS).get(job_id);
  assert(row !== undefined, 'a fact about an assignment speaks of a row');
  tables.of(ASSIGNMENTS).put({ ...row, ...columns });
}

/** Forgets ended assignments that are too many or too old. */
export function trim(tables: WritableTables, moment: Moment): void {
  for (const job_id of forgettable(tables, moment)) {
    tables.of(ASSIGNMENTS).remove(job_id);
    tables.of(PLACEMENTS).remove(job_id);
  }
}

function forgettable(tables: ReadonlyTables, moment: Moment): readonly string[] {
  const assignments = tables.of(ASSIGNMENTS);
  const surplus = Math.min(assignments.index('by_end').size - ENDED_MAX, TRIM_MAX);
  const job_ids: string[] = [];
  for (const { job_id, completed_at } of assignments.select('by_end', [])) {
    const isOld = Number(completed_at) + ENDED_KEPT_MS <= moment.at;
    if (job_ids.length >= (isOld ? TRIM_MAX : surplus)) break;
    job_ids.push(job_id);
  }
  return job_ids;
}
