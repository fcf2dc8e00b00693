/**
 * Who is next: claim order without looking at items.
 *
 * Pending items of one queue, shape, priority and group form a lane, in order of arrival. A lane's row
 * shows its head and when its group was served last, so the first lane of a shape holds the shape's best
 * item, and the best item of all is the best of the shapes' first lanes.
 *
 * ```
 *  order of lanes, and of items:    priority, high to low
 *                                   the group's last turn at this priority, longest ago first
 *                                   entry index · place in the batch · id
 *
 *  queue, target ─┬ shape A ─┬ 90 ─┬ group x, turn 0    head w7        a claim compares w7 and w2:
 *                 │          │     └ group y, turn 410  head w3        two lookups, however many
 *                 │          └ 50 ── …                                 items wait
 *                 └ shape B ── 90 ── group y, turn 410  head w2
 * ```
 *
 * Turns are taken per queue, group and priority; items without a group are together a group of their
 * queue. To find one item costs O(distinct shapes · log n), to serve it as many rows as there are shapes
 * in which its group waits at this priority. Shapes are not capped: a fleet that excludes or targets
 * nodes item by item makes as many as it uses.
 */
import {
  AFTER_NUMBER,
  compareKeys,
  type IndexKey,
  type ReadonlyOrderedIndex,
} from '../ordered-index.ts';
import type { ReadonlyTables, WritableTables } from '../projection.ts';
import type { TableDefinition } from '../table.ts';
import { WORK, type WorkRow } from './work-table.ts';

/** Turns remembered; beyond, the group served longest ago counts as never served: nearly the same. */
const TURNS_MAX = 10_000;
/** Turns within one entry: above the most items of a claim. */
const TURNS_PER_ENTRY = 128;

interface Turn {
  readonly queue: string;
  readonly priority: number;
  /** '' for items without a group. */
  readonly group_key: string;
  /** `index · 128 + place in the claim` of the last item served; 0: never. */
  readonly served: number;
}

export interface LaneRow extends Turn {
  readonly shape: string;
  /** '' where any node may have the items. */
  readonly target: string;
  /** The head. */
  readonly work_id: string;
  readonly added_index: number;
  readonly position: number;
}

function turnKey({ queue, priority, group_key }: Omit<Turn, 'served'>): string {
  return `${queue} ${priority} ${group_key}`;
}

/** The last turn of each group at each priority. */
export const TURNS: TableDefinition<Turn> = {
  name: 'work_turns',
  key: turnKey,
  columns: ['queue', 'priority', 'group_key', 'served'],
  indexes: { by_turn: (row) => [[row.served]] },
};

/** Lanes that have an item. */
export const LANES: TableDefinition<LaneRow> = {
  name: 'work_lanes',
  key: (row) => laneKey(row, row),
  columns: [
    'queue',
    'priority',
    'group_key',
    'shape',
    'target',
    'served',
    'work_id',
    'added_index',
    'position',
  ],
  indexes: {
    order: (row) => [[row.queue, row.target, row.shape, ...rankOf(row)]],
    by_group: (row) => [[row.queue, row.priority, row.group_key]],
  },
};

/** What claim order compares, smallest first. */
function rankOf(lane: LaneRow): IndexKey {
  return [-lane.priority, lane.served, lane.added_index, lane.position, lane.work_id];
}

/** Where the items of a shape wait. */
export interface ShapeAt {
  readonly queue: string;
  readonly target: string;
  readonly shape: string;
}

/** The distinct shapes that wait in a queue for any node, then those for this one. */
export function* shapesFor(
  tables: ReadonlyTables,
  queue: string,
  node_id: string,
): Generator<ShapeAt> {
  const order = tables.of(LANES).index('order');
  for (const target of ['', node_id]) yield* shapesUnder(order, queue, target);
}

function* shapesUnder(
  order: ReadonlyOrderedIndex,
  queue: string,
  target: string,
): Generator<ShapeAt> {
  const prefix = [queue, target];
  let tuple = order.first(prefix);
  while (tuple !== undefined) {
    const shape = tuple[2] as string;
    yield { queue, target, shape };
    tuple = order.next([queue, target, shape, AFTER_NUMBER], prefix);
  }
}

/** The lane whose head comes first among these shapes; undefined when none of them has one. */
export function bestLane(tables: ReadonlyTables, shapes: readonly ShapeAt[]): LaneRow | undefined {
  const heads = shapes.flatMap((shape) => firstLane(tables, shape) ?? []);
  return heads.reduce<LaneRow | undefined>(earlier, undefined);
}

function firstLane(tables: ReadonlyTables, { queue, target, shape }: ShapeAt): LaneRow | undefined {
  const lanes = tables.of(LANES);
  const tuple = lanes.index('order').first([queue, target, shape]);
  return tuple === undefined ? undefined : lanes.at(tuple);
}

function earlier(one: LaneRow | undefined, other: LaneRow): LaneRow {
  if (one === undefined) return other;
  return compareKeys(rankOf(one), rankOf(other)) < 0 ? one : other;
}

type LaneOf = Pick<WorkRow, 'queue' | 'shape' | 'priority' | 'group_key' | 'target_node'>;

/** Notes an item that became pending: at the head of its lane, or behind it. */
export function joinLane(tables: WritableTables, row: WorkRow): void {
  const turn = turnOf(row);
  const lane = tables.of(LANES).get(laneKey(turn, row));
  if (lane === undefined || compareKeys(arrivalOf(row), arrivalOf(lane)) < 0)
    tables.of(LANES).put(laneOf(tables, turn, row));
}

/** Notes an item that is no longer pending: if it was the head of its lane, the next one is. */
export function leaveLane(
  tables: WritableTables,
  row: LaneOf & { readonly work_id: string },
): void {
  const turn = turnOf(row);
  const key = laneKey(turn, row);
  if (tables.of(LANES).get(key)?.work_id !== row.work_id) return;
  const head = headOf(tables, [row.queue, row.shape, -row.priority, turn.group_key]);
  if (head === undefined) tables.of(LANES).remove(key);
  else tables.of(LANES).put(laneOf(tables, turn, head));
}

function laneKey(turn: Omit<Turn, 'served'>, { shape }: Pick<LaneRow, 'shape'>): string {
  return `${turnKey(turn)} ${shape}`;
}

/** The order within a lane. */
function arrivalOf({ added_index, position, work_id }: Arrival): IndexKey {
  return [added_index, position, work_id];
}

type Arrival = Pick<LaneRow, 'added_index' | 'position' | 'work_id'>;

function turnOf({ queue, priority, group_key }: LaneOf): Omit<Turn, 'served'> {
  return { queue, priority, group_key: group_key ?? '' };
}

function laneOf(tables: ReadonlyTables, turn: Omit<Turn, 'served'>, head: WorkRow): LaneRow {
  const { shape, target_node, work_id, added_index, position } = head;
  const { queue, priority, group_key } = turn;
  const served = lastTurn(tables, turn);
  const target = target_node ?? '';
  return { queue, priority, group_key, shape, target, served, work_id, added_index, position };
}

function lastTurn(tables: ReadonlyTables, turn: Omit<Turn, 'served'>): number {
  return tables.of(TURNS).get(turnKey(turn))?.served ?? 0;
}

function headOf(tables: ReadonlyTables, lane: IndexKey): WorkRow | undefined {
  const work = tables.of(WORK);
  const tuple = work.index('pending').first(lane);
  return tuple === undefined ? undefined : work.at(tuple);
}

/** Notes that a group had its turn: `place` is the item's place in the claim of this entry. */
export function serve(
  tables: WritableTables,
  row: LaneOf,
  { index, place }: { readonly index: number; readonly place: number },
): void {
  const { queue, priority, group_key } = turnOf(row);
  const served = index * TURNS_PER_ENTRY + place;
  tables.of(TURNS).put({ queue, priority, group_key, served });
  const lanes = tables.of(LANES);
  // All of them first: an index must not change while it is walked.
  const ofGroup = [...lanes.select('by_group', [queue, priority, group_key])];
  for (const lane of ofGroup) lanes.put({ ...lane, served });
  forgetOldestTurn(tables);
}

/** A lane goes on showing a forgotten turn until its head changes. */
function forgetOldestTurn(tables: WritableTables): void {
  const turns = tables.of(TURNS);
  const [oldest] = turns.size > TURNS_MAX ? turns.select('by_turn', []) : [];
  if (oldest !== undefined) turns.remove(turnKey(oldest));
}
