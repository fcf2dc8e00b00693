/**
 * The rows of work: what was asked for, how far it is, and who holds it.
 *
 * A row outlives its claim until `expire_work` announces the end, so nobody reads `status` alone to know
 * who holds an item: `holderAt` is asked for a moment and says the same before and after.
 */
import { assert } from '../assert.ts';
import { isVoid, secondsUntil, voidAt } from '../grants.ts';
import type { Moment, ReadonlyTables } from '../projection.ts';
import type { TableDefinition } from '../table.ts';
import { packEnded, unpackEnded } from './ended-row.ts';
import type { Json, Requirements } from './work-item.ts';

/** Nobody works on it yet. `scheduled`: its time has not come, or something it depends on is not done. */
export const WAITING = ['scheduled', 'pending'] as const;
/** Somebody holds it. */
export const HELD = ['claimed', 'running'] as const;
/** Over: only an operator's retry revives it, and not what is completed. */
export const ENDED = ['completed', 'failed', 'cancelled', 'timeout', 'dead'] as const;

export const STATUSES = [...WAITING, ...HELD, ...ENDED] as const;
export type Status = (typeof STATUSES)[number];
type Ended = (typeof ENDED)[number];

/** What the next word to the holder carries. `drain` is for nodes that are being emptied. */
type Directive = 'none' | 'cancel' | 'drain';

export interface WorkRow {
  readonly work_id: string;
  readonly work_type: string;
  readonly queue: string;
  readonly status: Status;
  /** 0–100, higher first. */
  readonly priority: number;
  readonly config: Json;
  readonly requires: Requirements;
  readonly excluded_nodes: readonly string[];
  readonly target_node: string | null;
  /** At most one item that is not over has it. */
  readonly unique_key: string | null;
  /** Items of one group take turns with those of other groups. */
  readonly group_key: string | null;
  readonly depends_on: readonly string[];
  /** Those of `depends_on` that are not completed. */
  readonly waiting_on: readonly string[];
  /** How many items have ever named this one as unmet. */
  readonly dependents: number;
  readonly max_attempts: number;
  readonly attempts: number;
  readonly timeout_seconds: number;
  /** ms since the epoch: not before then; null: at once. */
  readonly not_before: number | null;
  readonly added_index: number;
  readonly added_at: number;
  /** Its place in the batch it came with. */
  readonly position: number;
  /** Everything eligibility depends on, as one string (`shape.ts`); '' once the item is over. */
  readonly shape: string;
  /** The holder; of an item that is over, the last one. */
  readonly claimed_by: string | null;
  readonly token: number | null;
  /** How often it was ever claimed: above 1 a word without a token is ambiguous. */
  readonly claim_count: number;
  readonly claimed_at: number | null;
  readonly started_at: number | null;
  /** The end of the lease, at most `timeout_seconds` after the claim. */
  readonly deadline_at: number | null;
  readonly lease_ms: number | null;
  readonly directive: Directive;
  readonly ended_at: number | null;
  readonly result: Json | null;
  readonly error: string | null;
  readonly changed_index: number;
}

/** A row somebody holds, or held until its grant became void. */
export interface HeldRow extends WorkRow {
  readonly claimed_by: string;
  readonly token: number;
  readonly claimed_at: number;
  readonly deadline_at: number;
  readonly lease_ms: number;
}

/** The columns of an item that nobody holds. */
export const UNHELD = {
  claimed_by: null,
  token: null,
  claimed_at: null,
  started_at: null,
  deadline_at: null,
  lease_ms: null,
  directive: 'none',
} as const satisfies Partial<WorkRow>;

const WAITING_STATUSES: ReadonlySet<string> = new Set(WAITING);
const HELD_STATUSES: ReadonlySet<string> = new Set(HELD);
const ENDED_STATUSES: ReadonlySet<string> = new Set(ENDED);

function isWaiting(row: WorkRow): boolean {
  return WAITING_STATUSES.has(row.status);
}

export function isGranted(row: WorkRow): row is HeldRow {
  return HELD_STATUSES.has(row.status);
}

export function isEnd(status: Status): status is Ended {
  return ENDED_STATUSES.has(status);
}

export function isEnded(row: WorkRow): boolean {
  return isEnd(row.status);
}

/** The row as its holder has it now; undefined when nobody holds it, announced or not. */
export function holderAt(row: WorkRow, moment: Moment): HeldRow | undefined {
  return isGranted(row) && !isVoid(row, moment) ? row : undefined;
}

/** Of a claim that is held, as of `now`. */
export function secondsLeft(row: HeldRow, moment: Moment, now: number): number {
  return secondsUntil(voidAt(row, moment), now);
}

/** Whether nothing but its own time keeps an item from being offered. */
function isUnblocked(row: WorkRow): boolean {
  return row.status === 'scheduled' && row.waiting_on.length === 0;
}

/** Whether a scheduled item is to be offered now. */
export function isRipe(row: WorkRow, moment: Moment): boolean {
  return isUnblocked(row) && ripeAt(row) <= moment.at;
}

export function ripeAt(row: Pick<WorkRow, 'not_before'>): number {
  return row.not_before ?? 0;
}

/** The status of an item nobody holds: pending if it may be offered at `moment`. */
export function waitingStatus(
  row: Pick<WorkRow, 'not_before' | 'waiting_on'>,
  moment: Pick<Moment, 'at'>,
): 'pending' | 'scheduled' {
  return row.waiting_on.length === 0 && ripeAt(row) <= moment.at ? 'pending' : 'scheduled';
}

function when<Value>(holds: boolean, value: Value): readonly Value[] {
  return holds ? [value] : [];
}

/** Counter labels of a queue's rows in one status. */
export function inQueue(queue: string, status: Status): string {
  return `${queue} ${status}`;
}

export const WORK: TableDefinition<WorkRow> = {
  name: 'work',
  key: (row) => row.work_id,
  columns: [
    'work_id',
    'work_type',
    'queue',
    'status',
    'priority',
    'config',
    'requires',
    'excluded_nodes',
    'target_node',
    'unique_key',
    'group_key',
    'depends_on',
    'waiting_on',
    'dependents',
    'max_attempts',
    'attempts',
    'timeout_seconds',
    'not_before',
    'added_index',
    'added_at',
    'position',
    'shape',
    'claimed_by',
    'token',
    'claim_count',
    'claimed_at',
    'started_at',
    'deadline_at',
    'lease_ms',
    'directive',
    'ended_at',
    'result',
    'error',
    'changed_index',
  ],
  indexes: {
    /** Pending items lane by lane (`lanes.ts`), each lane in order of arrival. */
    pending: (row) =>
      when(row.status === 'pending', [
        row.queue,
        row.shape,
        -row.priority,
        row.group_key ?? '',
        row.added_index,
        row.position,
      ]),
    ripening: (row) => when(isUnblocked(row), [ripeAt(row)]),
    ripening_in_queue: (row) => when(isUnblocked(row), [row.queue, ripeAt(row)]),
    by_dependency: (row) => row.waiting_on.map((work_id) => [work_id]),
    by_deadline: (row) => (isGranted(row) ? [[row.deadline_at]] : []),
    by_holder: (row) => (isGranted(row) ? [[row.claimed_by, row.added_index, row.position]] : []),
    by_end: (row) => when(isEnded(row), [row.ended_at ?? 0, row.changed_index]),
    by_unique_key: (row) => (row.unique_key === null || isEnded(row) ? [] : [[row.unique_key]]),
    /** Lists of a queue merge its statuses: an index of its own would weigh more than all that asks for it. */
    by_status: ['status', 'queue', 'added_index', 'position'],
  },
  counters: {
    status: (row) => row.status,
    work_type: (row) => row.work_type,
    queue_status: (row) => inQueue(row.queue, row.status),
    waiting: (row) => (isWaiting(row) ? row.queue : undefined),
  },
  packing: { isAtRest: isEnded, pack: packEnded, unpack: unpackEnded },
};

/**
 * A row of its own with the same columns, to be changed before it is put. Column by column, because so
 * its columns lie in the object itself: a spread row takes twice the memory and four times as long.
 */
export function copyOf(row: WorkRow): WorkRow {
  return {
    work_id: row.work_id,
    work_type: row.work_type,
    queue: row.queue,
    status: row.status,
    priority: row.priority,
    config: row.config,
    requires: row.requires,
    excluded_nodes: row.excluded_nodes,
    target_node: row.target_node,
    unique_key: row.unique_key,
    group_key: row.group_key,
    depends_on: row.depends_on,
    waiting_on: row.waiting_on,
    dependents: row.dependents,
    max_attempts: row.max_attempts,
    attempts: row.attempts,
    timeout_seconds: row.timeout_seconds,
    not_before: row.not_before,
    added_index: row.added_index,
    added_at: row.added_at,
    position: row.position,
    shape: row.shape,
    claimed_by: row.claimed_by,
    token: row.token,
    claim_count: row.claim_count,
    claimed_at: row.claimed_at,
    started_at: row.started_at,
    deadline_at: row.deadline_at,
    lease_ms: row.lease_ms,
    directive: row.directive,
    ended_at: row.ended_at,
    result: row.result,
    error: row.error,
    changed_index: row.changed_index,
  };
}

/** The row a fact or an index speaks of. */
export function workRow(tables: ReadonlyTables, work_id: string): WorkRow {
  const row = tables.of(WORK).get(work_id);
  assert(row !== undefined, 'a fact about work speaks of a row');
  return row;
}
