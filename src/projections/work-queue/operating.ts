/** What operators and owners do to work: cancel, revive, purge; pause, resume and bound queues. */
import { refuse, type Refusal } from '../outcome.ts';
import type { Decision, ReadonlyTables, Ruling } from '../projection.ts';
import { refusalOfUniqueKey } from './adding.ts';
import { tell } from './facts.ts';
import { illegal } from './holding.ts';
import { type Limits, queueRow, refusalToAdmit, refusalToOpen } from './queues.ts';
import { BATCH_MAX } from './work-item.ts';
import {
  type HeldRow,
  holderAt,
  inQueue,
  isEnded,
  type Status,
  waitingStatus,
  WORK,
  type WorkRow,
} from './work-table.ts';

/** The named item, handed to a rule; refused where there is none. */
function named(ruling: Ruling, work_id: string, rule: (row: WorkRow) => Decision): Decision {
  const row = ruling.tables.of(WORK).get(work_id);
  return row === undefined
    ? refuse('not-found', `there is no work ${work_id}`, { work_id })
    : rule(row);
}

interface Cancellation {
  readonly work_id: string;
  readonly reason: string;
}

/** Work that is held is cancelled at its holder's next word, or when the claim ends. */
export function cancelWork(ruling: Ruling, { work_id, reason }: Cancellation): Decision {
  return named(ruling, work_id, (row) => {
    if (isEnded(row)) return illegal(row);
    const holder = holderAt(row, ruling);
    if (holder !== undefined) return askToCancel(ruling, holder, reason);
    tell(ruling, row.queue, { type: 'work_cancelled', work_id, reason });
    return undefined;
  });
}

/** Asked again, nothing changes: the first reason stands. */
function askToCancel(
  ruling: Ruling,
  { work_id, queue, directive }: HeldRow,
  reason: string,
): undefined {
  if (directive === 'cancel') return undefined;
  tell(ruling, queue, { type: 'work_cancel_requested', work_id, reason });
  return undefined;
}

const REVIVABLE: ReadonlySet<Status> = new Set(['dead', 'failed', 'timeout', 'cancelled']);

interface Retry {
  readonly work_id: string;
  /** Null: as before. */
  readonly excluded_nodes: readonly string[] | null;
}

export function retryWork(ruling: Ruling, { work_id, excluded_nodes }: Retry): Decision {
  return named(ruling, work_id, (row) => {
    const refusal = refusalToRevive(ruling.tables, row);
    if (refusal !== undefined) return refusal;
    tell(ruling, row.queue, {
      type: 'work_retried',
      work_id,
      excluded_nodes: excluded_nodes ?? row.excluded_nodes,
      status: waitingStatus(row, ruling),
    });
    return undefined;
  });
}

/** A revived item is as good as a new one: its key must be free and its queue must have room. */
function refusalToRevive(tables: ReadonlyTables, row: WorkRow): Refusal | undefined {
  if (!REVIVABLE.has(row.status)) return illegal(row);
  return refusalOfUniqueKey(tables, row) ?? refusalToAdmit(tables, row.queue);
}

interface Purge {
  readonly queue: string;
  readonly statuses: readonly Status[];
}

/** One result: how many are gone and how many are left for the next command. */
export function purgeWork(ruling: Ruling, { queue, statuses }: Purge): Decision {
  const distinct = [...new Set(statuses)];
  const work_ids = distinct
    .flatMap((status) => firstIds(ruling.tables, status, queue))
    .slice(0, BATCH_MAX);
  if (work_ids.length > 0) tell(ruling, queue, { type: 'work_purged', queue, work_ids });
  const work = ruling.tables.of(WORK);
  const remaining = distinct
    .map((status) => work.count('queue_status', inQueue(queue, status)))
    .reduce((sum, rows) => sum + rows, 0);
  return { results: [{ purged: work_ids.length, remaining }] };
}

function firstIds(tables: ReadonlyTables, status: Status, queue: string): readonly string[] {
  const ids: string[] = [];
  for (const row of tables.of(WORK).select('by_status', [status, queue])) {
    if (ids.length === BATCH_MAX) break;
    ids.push(row.work_id);
  }
  return ids;
}

interface QueueName {
  readonly queue: string;
}

export function pauseQueue(ruling: Ruling, { queue }: QueueName): Decision {
  if (queueRow(ruling.tables, queue).paused) return undefined;
  const refusal = refusalToOpen(ruling.tables, queue);
  if (refusal !== undefined) return refusal;
  tell(ruling, queue, { type: 'queue_paused', queue });
  return undefined;
}

export function resumeQueue(ruling: Ruling, { queue }: QueueName): Decision {
  if (queueRow(ruling.tables, queue).paused) tell(ruling, queue, { type: 'queue_resumed', queue });
  return undefined;
}

export function setQueue(ruling: Ruling, limits: QueueName & Limits): Decision {
  const refusal = refusalToOpen(ruling.tables, limits.queue);
  if (refusal !== undefined) return refusal;
  tell(ruling, limits.queue, { type: 'queue_set', ...limits });
  return undefined;
}
