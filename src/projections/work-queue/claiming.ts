/**
 * Claiming: the next items a claimer may have, or one it names, held for a lease under the entry's token.
 *
 * A claim by filter first offers what has ripened in its queues, so that a late duty hides no work. A
 * claim by name takes that item or none.
 */
import { refuse, type Refusal } from '../outcome.ts';
import type { Decision, Moment, ReadonlyTables, Ruling } from '../projection.ts';
import { activateRipe } from './dependencies.ts';
import { expire } from './expiring.ts';
import { tell } from './facts.ts';
import { bestLane, type LaneRow, type ShapeAt, shapesFor } from './lanes.ts';
import { openQueues, queueRow } from './queues.ts';
import {
  type Claimer,
  claimerOf,
  type Demand,
  demandOf,
  fits,
  matchesShape,
  nodeVetoOf,
  vetoOf,
  without,
} from './shape.ts';
import { CLAIM_FILTER, type ClaimFilter } from './work-item.ts';
import {
  type HeldRow,
  holderAt,
  isEnded,
  isGranted,
  ripeAt,
  secondsLeft,
  WORK,
  type WorkRow,
  workRow,
} from './work-table.ts';

/** Ripened items offered per queue and claim; the duty offers the rest. */
const RIPENED_MAX = 100;

const ANYTHING = CLAIM_FILTER.parse({});

export interface ClaimRequest {
  readonly node_id: string;
  /** Null: the next one, as the filter says. */
  readonly work_id: string | null;
  /** Null with `work_id`: the caller vouches for what the item requires; its nodes are respected. */
  readonly filter: ClaimFilter | null;
  readonly lease_seconds: number;
}

/** The answer per item; the item itself is in the table. */
export interface Claim {
  readonly work_id: string;
  readonly token: number;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
  /** ms since the epoch. */
  readonly deadline_at: number;
}

export function claimWork(ruling: Ruling, request: ClaimRequest): Decision {
  const { work_id, filter } = request;
  return work_id === null
    ? claimNext(ruling, request, filter ?? ANYTHING)
    : claimNamed(ruling, request, work_id);
}

/** Whether a claim by this filter would be given anything now: the very choice the claim makes. */
export function claimable(
  tables: ReadonlyTables,
  moment: Moment,
  node_id: string,
  filter: ClaimFilter,
): boolean {
  const claimer = claimerOf(tables, node_id, filter);
  if (nextOffer(tables, offersTo(tables, claimer), claimer.free) !== undefined) return true;
  return openQueues(tables, claimer.queues)
    .flatMap((queue) => ripenedIn(tables, moment, queue))
    .some((row) => matchesShape(row.shape, claimer));
}

/** A shape the claimer is allowed to have. */
interface Offer extends ShapeAt {
  readonly demand: Demand;
}

function claimNext(ruling: Ruling, request: ClaimRequest, filter: ClaimFilter): Decision {
  const claimer = claimerOf(ruling.tables, request.node_id, filter);
  for (const queue of openQueues(ruling.tables, claimer.queues)) offerRipened(ruling, queue);
  const chosen = nextRows(ruling.tables, claimer);
  const results: Claim[] = [];
  for (const row of chosen) {
    results.push(grant(ruling, request, { row, place: results.length }));
    if (results.length === filter.max) break;
  }
  return { results };
}

/** The items to give, one after another: each is chosen after the one before was granted. */
function* nextRows(tables: ReadonlyTables, claimer: Claimer): Generator<WorkRow> {
  const offers = offersTo(tables, claimer);
  let { free } = claimer;
  for (;;) {
    const next = nextOffer(tables, offers, free);
    if (next === undefined) return;
    yield workRow(tables, next.lane.work_id);
    free = without(free, next.demand);
  }
}

/** Each distinct shape that waits, if it is for this claimer, by its string. */
function offersTo(tables: ReadonlyTables, claimer: Claimer): ReadonlyMap<string, Offer> {
  const shapes = openQueues(tables, claimer.queues).flatMap((queue) => [
    ...shapesFor(tables, queue, claimer.node_id),
  ]);
  const offers = shapes.map((at) => ({ ...at, demand: demandOf(at.shape) }));
  const allowed = offers.filter(({ demand }) => vetoOf(demand, claimer) === undefined);
  return new Map(allowed.map((offer) => [offer.shape, offer]));
}

interface NextOffer {
  readonly lane: LaneRow;
  readonly demand: Demand;
}

function nextOffer(
  tables: ReadonlyTables,
  offers: ReadonlyMap<string, Offer>,
  free: Claimer['free'],
): NextOffer | undefined {
  const fitting = [...offers.values()].filter(({ demand }) => fits(demand, free));
  const lane = bestLane(tables, fitting);
  const offer = lane && offers.get(lane.shape);
  return lane && offer && { lane, demand: offer.demand };
}

function ripenedIn(tables: ReadonlyTables, moment: Moment, queue: string): readonly WorkRow[] {
  const rows: WorkRow[] = [];
  for (const row of tables.of(WORK).select('ripening_in_queue', [queue])) {
    if (ripeAt(row) > moment.at || rows.length === RIPENED_MAX) break;
    rows.push(row);
  }
  return rows;
}

function offerRipened(ruling: Ruling, queue: string): void {
  const ripened = ripenedIn(ruling.tables, ruling, queue);
  activateRipe(
    ruling,
    ripened.map((row) => row.work_id),
  );
}

function grant(
  ruling: Ruling,
  { node_id, lease_seconds }: ClaimRequest,
  { row, place }: { readonly row: WorkRow; readonly place: number },
): Claim {
  const { token } = ruling;
  const { work_id, timeout_seconds } = row;
  const lease_ms = lease_seconds * 1000;
  const deadline_at = deadlineOf({ claimed_at: ruling.at, timeout_seconds }, lease_ms, ruling);
  const granted = { work_id, node_id, token, lease_ms, deadline_at, place };
  tell(ruling, row.queue, { type: 'work_claimed', ...granted });
  return { work_id, token, attempt: row.attempts + 1, deadline_at };
}

/** The end of a lease that begins now: no claim lasts longer than the item's timeout. */
export function deadlineOf(
  { claimed_at, timeout_seconds }: Pick<HeldRow, 'claimed_at' | 'timeout_seconds'>,
  lease_ms: number,
  { at }: Moment,
): number {
  return Math.min(at + lease_ms, claimed_at + timeout_seconds * 1000);
}

function claimNamed(ruling: Ruling, request: ClaimRequest, work_id: string): Decision {
  const row = ruling.tables.of(WORK).get(work_id);
  if (row === undefined) return refuse('not-found', `there is no work ${work_id}`, { work_id });
  const holder = holderAt(row, ruling);
  if (holder !== undefined)
    return refuse('already-claimed', `${holder.claimed_by} holds ${work_id}`, {
      holder: holder.claimed_by,
      token: holder.token,
      expires_in: secondsLeft(holder, ruling, ruling.at),
    });
  const offered = freshen(ruling, row);
  const obstacle = obstacleTo(ruling.tables, offered, request);
  return obstacle ?? { results: [grant(ruling, request, { row: offered, place: 0 })] };
}

/** The row after what time asks for: its claim is over, or it has ripened. */
function freshen(ruling: Ruling, row: WorkRow): WorkRow {
  if (isGranted(row)) expire(ruling, row);
  activateRipe(ruling, [row.work_id]);
  return workRow(ruling.tables, row.work_id);
}

function obstacleTo(
  tables: ReadonlyTables,
  row: WorkRow,
  request: ClaimRequest,
): Refusal | undefined {
  const { work_id, status, queue } = row;
  if (isEnded(row)) return refuse('illegal-transition', `${work_id} is ${status}`, { status });
  if (status === 'scheduled') return notOffered(row);
  if (queueRow(tables, queue).paused)
    return refuse('conflict', `queue ${queue} is paused`, { reason: 'paused', queue });
  return ineligible(tables, row, request);
}

function notOffered({ work_id, waiting_on, not_before }: WorkRow): Refusal {
  return waiting_on.length > 0
    ? refuse('conflict', `${work_id} waits for other work`, { reason: 'dependencies', waiting_on })
    : refuse('conflict', `${work_id} is not offered yet`, { reason: 'not-before', not_before });
}

function ineligible(
  tables: ReadonlyTables,
  row: WorkRow,
  { node_id, filter }: ClaimRequest,
): Refusal | undefined {
  const demand = demandOf(row.shape);
  const claimer = claimerOf(tables, node_id, filter ?? ANYTHING);
  const reason = filter === null ? nodeVetoOf(demand, claimer) : unfitness(demand, claimer);
  if (reason === undefined) return undefined;
  return refuse('conflict', `${node_id} may not have ${row.work_id}: ${reason}`, { reason });
}

function unfitness(demand: Demand, claimer: Claimer): string | undefined {
  return vetoOf(demand, claimer) ?? (fits(demand, claimer.free) ? undefined : 'resources');
}
