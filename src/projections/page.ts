/**
 * Lists in pages: rows under an index, in its order, from behind a cursor.
 *
 * The cursor is the index tuple of the last row given. It ends in that row's key, so a page continues
 * exactly where the one before ended, whatever came or went in between.
 */
import type { IndexKey, ReadonlyOrderedIndex } from './ordered-index.ts';
import type { ReadonlyTable } from './table.ts';

/** The most rows a page holds; a larger `limit` is cut to it. */
export const PAGE_ROWS_MAX = 1000;

/** Which part of a table is listed: the rows whose tuples in `index` begin with `prefix`. */
export interface Selection {
  readonly index: string;
  readonly prefix: IndexKey;
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
  { index, prefix }: Selection,
  { after, limit }: PageRequest,
): Page<Row> {
  const most = Math.min(limit, PAGE_ROWS_MAX);
  const taken: IndexKey[] = [];
  for (const tuple of behind(table.index(index), after ?? prefix, prefix)) {
    if (taken.length === most) return { rows: rowsAt(table, taken), next: taken.at(-1) };
    taken.push(tuple);
  }
  return { rows: rowsAt(table, taken), next: undefined };
}

/** The tuples above `bound` that begin with `prefix`, each found from the one before. */
function* behind(
  index: ReadonlyOrderedIndex,
  bound: IndexKey,
  prefix: IndexKey,
): Generator<IndexKey> {
  let tuple = index.next(bound, prefix);
  for (; tuple !== undefined; tuple = index.next(tuple, prefix)) yield tuple;
}

function rowsAt<Row>(table: ReadonlyTable<Row>, tuples: readonly IndexKey[]): readonly Row[] {
  return tuples.map((tuple) => table.at(tuple));
}
