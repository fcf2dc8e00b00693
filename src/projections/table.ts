/**
 * The one primitive of all projections: a table of immutable rows by key.
 *
 * A row is never changed, only replaced. Every replacement is reported to the machine's undo ring with
 * the row it replaced; from that one record come rollback, the change feed, recent time travel and the
 * snapshot cut. Secondary indexes and counters are derived from the rows and never stored.
 */
import { assert } from './assert.ts';
import { type IndexKey, OrderedIndex, type ReadonlyOrderedIndex } from './ordered-index.ts';

/** Describes a table, once, at module level; the machine of each group makes its own instance of it. */
export interface TableDefinition<Row> {
  /** Unique in the machine; part of the canonical encoding. */
  readonly name: string;
  readonly key: (row: Row) => string;
  /** The columns in the order in which they are encoded. Every column of Row, each once. */
  readonly columns: readonly (keyof Row & string)[];
  /**
   * Each index maps a row to the tuples it appears under (none, one or several); the row's key is
   * appended, so the order is total.
   */
  readonly indexes?: Readonly<Record<string, (row: Row) => readonly IndexKey[]>>;
  /** Each counter counts the rows per label; a row without a label is not counted. */
  readonly counters?: Readonly<Record<string, (row: Row) => string | undefined>>;
}

/** What rules and queries may do with a table. */
export interface ReadonlyTable<Row> {
  readonly definition: TableDefinition<Row>;
  readonly size: number;
  get(key: string): Row | undefined;
  has(key: string): boolean;
  /** All rows in no order that a rule may rely on: for snapshots and statistics, never for decisions. */
  rows(): IterableIterator<Row>;
  index(name: string): ReadonlyOrderedIndex;
  /** The row an index tuple belongs to. */
  at(tuple: IndexKey): Row;
  /** Rows under an index, in its order, that begin with `prefix`. */
  select(index: string, prefix: IndexKey): Generator<Row>;
  count(counter: string, label: string): number;
  counts(counter: string): ReadonlyMap<string, number>;
}

/** What a fold may do besides. */
export interface WritableTable<Row> extends ReadonlyTable<Row> {
  /** Inserts or replaces. */
  put(row: Row): void;
  /** Removes the row, if it is there. */
  remove(key: string): void;
}

/** Told of every replacement: `before` and `after` are undefined for an insertion and a removal. */
export type Recorder = (
  table: Table<unknown>,
  key: string,
  before: unknown,
  after: unknown,
) => void;

interface DerivedIndex<Row> {
  readonly tuples: (row: Row) => readonly IndexKey[];
  readonly tree: OrderedIndex;
}

interface DerivedCounter<Row> {
  readonly label: (row: Row) => string | undefined;
  readonly counts: Map<string, number>;
}

export class Table<Row> implements WritableTable<Row> {
  readonly definition: TableDefinition<Row>;
  readonly #rows = new Map<string, Row>();
  readonly #indexes = new Map<string, DerivedIndex<Row>>();
  readonly #counters = new Map<string, DerivedCounter<Row>>();
  readonly #record: Recorder;

  constructor(definition: TableDefinition<Row>, record: Recorder) {
    const { indexes = {}, counters = {} } = definition;
    this.definition = definition;
    this.#record = record;
    for (const [name, tuples] of Object.entries(indexes))
      this.#indexes.set(name, { tuples, tree: new OrderedIndex() });
    for (const [name, label] of Object.entries(counters))
      this.#counters.set(name, { label, counts: new Map() });
  }

  get size(): number {
    return this.#rows.size;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  has(key: string): boolean {
    return this.#rows.has(key);
  }

  rows(): IterableIterator<Row> {
    return this.#rows.values();
  }

  index(name: string): ReadonlyOrderedIndex {
    const found = this.#indexes.get(name);
    assert(found !== undefined, `table ${this.definition.name} declares the index ${name}`);
    return found.tree;
  }

  at(tuple: IndexKey): Row {
    const row = this.#rows.get(tuple.at(-1) as string);
    assert(row !== undefined, 'an index tuple ends in the key of a row');
    return row;
  }

  *select(index: string, prefix: IndexKey): Generator<Row> {
    for (const tuple of this.index(index).scan(prefix)) yield this.at(tuple);
  }

  count(counter: string, label: string): number {
    return this.counts(counter).get(label) ?? 0;
  }

  counts(counter: string): ReadonlyMap<string, number> {
    const found = this.#counters.get(counter);
    assert(found !== undefined, `table ${this.definition.name} declares the counter ${counter}`);
    return found.counts;
  }

  put(row: Row): void {
    this.replace(this.definition.key(row), row);
  }

  remove(key: string): void {
    if (this.#rows.has(key)) this.replace(key, undefined);
  }

  /** Replaces and records: the only way a row changes. */
  replace(key: string, after: Row | undefined): void {
    const before = this.#rows.get(key);
    this.#record(this as Table<unknown>, key, before, after);
    this.restore(key, after);
  }

  /** Puts back what was there, without recording it: rollback and snapshots only. */
  restore(key: string, row: Row | undefined): void {
    const before = this.#rows.get(key);
    if (row === undefined) this.#rows.delete(key);
    else this.#rows.set(key, row);
    for (const { tuples, tree } of this.#indexes.values())
      tree.move(keyed(tuples, before, key), keyed(tuples, row, key));
    for (const { label, counts } of this.#counters.values()) {
      if (before !== undefined) shift(counts, label(before), -1);
      if (row !== undefined) shift(counts, label(row), 1);
    }
  }
}

function keyed<Row>(
  tuples: (row: Row) => readonly IndexKey[],
  row: Row | undefined,
  key: string,
): readonly IndexKey[] {
  if (row === undefined) return [];
  return tuples(row).map((tuple) => [...tuple, key]);
}

function shift(counts: Map<string, number>, label: string | undefined, by: 1 | -1): void {
  if (label === undefined) return;
  const count = (counts.get(label) ?? 0) + by;
  if (count === 0) counts.delete(label);
  else counts.set(label, count);
}
