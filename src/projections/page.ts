/**
 * Lists in pages: rows under an index, in its order, from behind a cursor.
 *
 * The cursor is the index tuple of the last row given. It ends in that row's key, so a page continues
 * exactly where the one before ended, whatever came or went in between.
 */
import {
  compareKeys,
  type IndexKey,
  type IndexPart,
  type ReadonlyOrderedIndex,
} from './ordered-index.ts';
import type { ReadonlyTable } from './table.ts';

/** The most rows a page holds; a larger `limit` is cut to it. */
export const PAGE_ROWS_MAX = 1000;

/** Which part of a table is listed: the rows whose tuples in `index` begin with `prefix`. */
export interface Selection {
  readonly index: string;
  readonly prefix: IndexKey;
  /**
   * Tuples begin with one of these parts, and the list goes on as if they did not: one list of all lanes,
   * in the order of what follows. `prefix` and cursors are without the lane.
   */
  readonly lanes?: readonly IndexPart[];
}

export interface PageRequest {
  /** The cursor of the page before; undefined for the first page. */
  readonly after: IndexKey | undefined;
  readonly limit: number;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Where the next page goes on; undefined when this was the last. */
  readonly next: IndexKey | undefined;
}

export function pageOfRows<Row>(
  table: ReadonlyTable<Row>,
  selection: Selection,
  { after, limit }: PageRequest,
): Page<Row> {
  const most = Math.min(limit, PAGE_ROWS_MAX);
  const taken: Spot[] = [];
  for (const spot of behind(table.index(selection.index), selection, after ?? selection.prefix)) {
    if (taken.length === most) return { rows: rowsAt(table, taken), next: lastOf(taken) };
    taken.push(spot);
  }
  return { rows: rowsAt(table, taken), next: undefined };
}

function lastOf(spots: readonly Spot[]): IndexKey | undefined {
  return spots.at(-1)?.cursor;
}

/** A place in a list. */
interface Spot {
  readonly tuple: IndexKey;
  /** The tuple without its lane. */
  readonly cursor: IndexKey;
}

/** The spots above `bound`, each found from the one before. */
function behind(
  index: ReadonlyOrderedIndex,
  { prefix, lanes }: Selection,
  bound: IndexKey,
): Generator<Spot> {
  if (lanes === undefined) return lane(index, { prefix, bound, front: [] });
  return merged(lanes.map((part) => lane(index, { prefix, bound, front: [part] })));
}

interface Lane {
  readonly prefix: IndexKey;
  readonly bound: IndexKey;
  /** What its tuples begin with, before what is listed. */
  readonly front: IndexKey;
}

function* lane(index: ReadonlyOrderedIndex, { prefix, bound, front }: Lane): Generator<Spot> {
  const whole = [...front, ...prefix];
  let tuple = index.next([...front, ...bound], whole);
  for (; tuple !== undefined; tuple = index.next(tuple, whole))
    yield { tuple, cursor: tuple.slice(front.length) };
}

/** The spots of a few lanes in the order of their cursors; no two lanes hold the same row. */
function* merged(lanes: readonly Generator<Spot>[]): Generator<Spot> {
  const heads = lanes.flatMap((one) => headOf(one));
  while (heads.length > 0) {
    const first = heads.reduce(earlier);
    yield first.spot;
    heads.splice(heads.indexOf(first), 1, ...headOf(first.lane));
  }
}

interface Head {
  readonly lane: Generator<Spot>;
  readonly spot: Spot;
}

/** Where a lane stands now; nothing where it has ended. */
function headOf(one: Generator<Spot>): readonly Head[] {
  const next = one.next();
  return next.done === true ? [] : [{ lane: one, spot: next.value }];
}

function earlier(one: Head, other: Head): Head {
  return compareKeys(other.spot.cursor, one.spot.cursor) < 0 ? other : one;
}

function rowsAt<Row>(table: ReadonlyTable<Row>, spots: readonly Spot[]): readonly Row[] {
  return spots.map(({ tuple }) => table.at(tuple));
}
