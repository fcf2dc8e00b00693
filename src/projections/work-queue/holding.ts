/**
 * What a holder says of its item: started, still on it, done, failed, given back.
 *
 * Only the holder's current token counts. An item that is over answers that first, so that a worker that
 * comes late learns how it ended. A claim past its deadline is void, announced or not. Without a token a
 * holder is believed only while the item was claimed once in its life: then there is only one it can be.
 *
 * A holder of an item to be cancelled is told so when it extends; the item is cancelled when it fails,
 * releases or lets go of it. If it completes, the work was done before the word arrived.
 */
import { refuse, type Refusal } from '../outcome.ts';
import type { Decision, Moment, Ruling } from '../projection.ts';
import { itemRefused } from './adding.ts';
import { backoffMs } from './backoff.ts';
import { deadlineOf } from './claiming.ts';
import { activateRipe, waitersFor } from './dependencies.ts';
import { type Facts, tell } from './facts.ts';
import type { Json } from './work-item.ts';
import {
  type HeldRow,
  holderAt,
  isEnded,
  isGranted,
  waitingStatus,
  WORK,
  type WorkRow,
} from './work-table.ts';

/** What a caller says it holds. */
interface Grip {
  readonly work_id: string;
  readonly token: number | null;
}

type Held = { readonly kind: 'held'; readonly row: HeldRow };

/** The item as the caller holds it, or why it does not. */
function heldBy(ruling: Ruling, grip: Grip): Held | Refusal {
  const row = ruling.tables.of(WORK).get(grip.work_id);
  if (row === undefined)
    return refuse('not-found', `there is no work ${grip.work_id}`, { work_id: grip.work_id });
  if (isEnded(row)) return illegal(row);
  const holder = holderAt(row, ruling);
  return holder === undefined ? lost(row) : compare(holder, grip);
}

export function illegal({ work_id, status }: WorkRow): Refusal {
  return refuse('illegal-transition', `${work_id} is ${status}`, { status });
}

function lost(row: WorkRow): Refusal {
  return isGranted(row)
    ? refuse('stale-token', `the claim of ${row.work_id} has expired`, {
        holder: row.claimed_by,
        token: row.token,
        reason: 'expired',
      })
    : refuse('stale-token', `nobody holds ${row.work_id}`, { holder: null, token: null });
}

function compare(row: HeldRow, { token }: Grip): Held | Refusal {
  const isMeant = token === null ? row.claim_count === 1 : token === row.token;
  if (isMeant) return { kind: 'held', row };
  return refuse('stale-token', `${row.claimed_by} holds ${row.work_id}`, {
    holder: row.claimed_by,
    token: row.token,
  });
}

export function startWork(ruling: Ruling, grip: Grip): Decision {
  const held = heldBy(ruling, grip);
  if (held.kind === 'refused') return held;
  const { work_id, token, queue, status, directive } = held.row;
  if (status === 'running') return illegal(held.row);
  if (directive === 'cancel')
    return refuse('illegal-transition', `${work_id} is to be cancelled`, { status, directive });
  tell(ruling, queue, { type: 'work_started', work_id, token });
  return undefined;
}

interface Extension {
  readonly items: readonly (Grip & {
    /** Null: as long as before. */
    readonly lease_seconds: number | null;
  })[];
}

export function extendWork(ruling: Ruling, { items }: Extension): Decision {
  return { results: items.map((item) => extend(ruling, item)) };
}

function extend(ruling: Ruling, item: Extension['items'][number]): unknown {
  const held = heldBy(ruling, item);
  if (held.kind === 'refused') return itemRefused(item.work_id, held);
  const { work_id, token, queue, directive } = held.row;
  const lease_ms = item.lease_seconds === null ? held.row.lease_ms : item.lease_seconds * 1000;
  const deadline_at = deadlineOf(held.row, lease_ms, ruling);
  tell(ruling, queue, { type: 'work_extended', work_id, token, lease_ms, deadline_at });
  return { work_id, ok: true, deadline_at, directive };
}

export function completeWork(
  ruling: Ruling,
  { result, ...grip }: Grip & { readonly result: Json },
): Decision {
  const held = heldBy(ruling, grip);
  if (held.kind === 'refused') return held;
  const { work_id, token, queue } = held.row;
  const waiters = waitersFor(ruling.tables, work_id);
  tell(ruling, queue, { type: 'work_completed', work_id, token, result });
  activateRipe(ruling, waiters);
  return undefined;
}

interface Failure {
  readonly error: string;
  readonly retryable: boolean;
  /** Null: the backoff of the attempt. */
  readonly delay_seconds: number | null;
}

export function failWork(ruling: Ruling, { work_id, token, ...failure }: Grip & Failure): Decision {
  const held = heldBy(ruling, { work_id, token });
  if (held.kind === 'refused') return held;
  if (held.row.directive === 'cancel') return cancelHeld(ruling, held.row);
  const { error } = failure;
  const leads = leadsTo(held.row, failure, ruling);
  const fact = { type: 'work_failed', work_id, token: held.row.token, error, ...leads } as const;
  tell(ruling, held.row.queue, fact);
  return undefined;
}

type Failed = Extract<Facts, { readonly type: 'work_failed' }>;

/** As its holder says, or longer from attempt to attempt. */
function delayMs({ work_id, attempts }: HeldRow, delay_seconds: number | null): number {
  return delay_seconds === null ? backoffMs(work_id, attempts) : delay_seconds * 1000;
}

/** What a failure leads to: never again, no more, or not now. */
function leadsTo(
  row: HeldRow,
  { retryable, delay_seconds }: Failure,
  { at }: Moment,
): Pick<Failed, 'status' | 'not_before'> {
  if (!retryable) return { status: 'failed', not_before: null };
  if (row.attempts >= row.max_attempts) return { status: 'dead', not_before: null };
  const not_before = at + delayMs(row, delay_seconds);
  return { status: waitingStatus({ ...row, not_before }, { at }), not_before };
}

export function releaseWork(ruling: Ruling, grip: Grip): Decision {
  const held = heldBy(ruling, grip);
  if (held.kind === 'refused') return held;
  const { work_id, token, queue, directive } = held.row;
  if (directive === 'cancel') return cancelHeld(ruling, held.row);
  tell(ruling, queue, { type: 'work_released', work_id, token });
  return undefined;
}

/** The word of a holder that was asked to cancel. */
function cancelHeld(ruling: Ruling, { work_id, queue, error }: HeldRow): Decision {
  tell(ruling, queue, { type: 'work_cancelled', work_id, reason: error ?? '' });
  return undefined;
}
