/**
 * The one primitive of all projections: a table of immutable rows by key.
 *
 * A row is never changed, only replaced. Every replacement is reported to the machine's undo ring with
 * the row it replaced; from that one record come rollback, the change feed, recent time travel and the
 * snapshot cut. Secondary indexes and counters are derived from the rows and never stored.
 */
import { assert } from './assert.ts';
import { type Kept, KeptRows, type Packing, unpacked } from './kept-rows.ts';
import type { IndexKey, ReadonlyOrderedIndex } from './ordered-index.ts';
import { RisingIndex } from './rising-index.ts';
import { type IndexOf, rowIndex, type RowIndex } from './row-index.ts';

/** Describes a table, once, at module level; the machine of each group makes its own instance of it. */
export interface TableDefinition<Row> {
  /** Unique in the machine; part of the canonical encoding. */
  readonly name: string;
  readonly key: (row: Row) => string;
  /** The columns in the order in which they are encoded. Every column of Row, each once. */
  readonly columns: readonly (keyof Row & string)[];
  readonly indexes?: Readonly<Record<string, IndexOf<Row>>>;
  /** Each counter counts the rows per label; a row without a label is not counted. */
  readonly counters?: Readonly<Record<string, (row: Row) => string | undefined>>;
  /** Which rows are kept as text, and how: where a table keeps many that nobody asks about. */
  readonly packing?: Packing<Row>;
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
  /** Of a rising index: the rows whose number is `at` or below, in order. */
  passed(index: string, at: number): Generator<Row>;
  /** Of a rising index: none of its numbers is above `at` and below this; undefined: none is above it. */
  soonest(index: string, at: number): number | undefined;
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

/**
 * Told of every replacement: `before` and `after` are undefined for an insertion and a removal. `before` is
 * the row as the table kept it (`Table.read`).
 */
export type Recorder = (
  table: Table<unknown>,
  key: string,
  before: unknown,
  after: unknown,
) => void;

/** Rows per label; a label without rows is forgotten. */
class RowCounter<Row> {
  readonly counts = new Map<string, number>();
  readonly #label: (row: Row) => string | undefined;
  #from: string | undefined;
  #to: string | undefined;

  constructor(label: (row: Row) => string | undefined) {
    this.#label = label;
  }

  count(label: string): number {
    return this.counts.get(label) ?? 0;
  }

  plan(before: Row | undefined, after: Row | undefined): void {
    const from = this.#labelOf(before);
    this.#to = this.#labelOf(after);
    this.#from = from;
  }

  move(): void {
    if (this.#from === this.#to) return;
    this.#shift(this.#from, -1);
    this.#shift(this.#to, 1);
  }

  #labelOf(row: Row | undefined): string | undefined {
    return row === undefined ? undefined : this.#label(row);
  }

  #shift(label: string | undefined, by: 1 | -1): void {
    if (label === undefined) return;
    const count = this.count(label) + by;
    if (count === 0) this.counts.delete(label);
    else this.counts.set(label, count);
  }
}

export class Table<Row> implements WritableTable<Row> {
  readonly definition: TableDefinition<Row>;
  readonly #rows: KeptRows<Row>;
  readonly #indexes: ReadonlyMap<string, RowIndex<Row>>;
  readonly #counters: ReadonlyMap<string, RowCounter<Row>>;
  readonly #derived: readonly (RowIndex<Row> | RowCounter<Row>)[];
  readonly #record: Recorder;

  constructor(definition: TableDefinition<Row>, record: Recorder) {
    this.definition = definition;
    this.#record = record;
    this.#rows = new KeptRows(definition.packing);
    this.#indexes = mapValues(definition.indexes, (index) => rowIndex(index));
    this.#counters = mapValues(definition.counters, (label) => new RowCounter(label));
    this.#derived = [...this.#indexes.values(), ...this.#counters.values()];
  }

  /** Those of its indexes that follow log time. */
  get rising(): readonly RisingIndex<Row>[] {
    return [...this.#indexes.values()].filter((index) => index instanceof RisingIndex);
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
    return this.#rows.rows();
  }

  /** Keys and rows as they are kept, for a snapshot to read slice by slice. */
  all(): ReturnType<KeptRows<Row>['all']> {
    return this.#rows.all();
  }

  /** A row as it was kept here. */
  read(key: string, kept: Kept<Row>): Row {
    return unpacked(this.definition.packing, key, kept);
  }

  index(name: string): ReadonlyOrderedIndex {
    const found = this.#indexes.get(name);
    assert(found !== undefined, 'the table declares the index', name);
    return found.ordered;
  }

  at(tuple: IndexKey): Row {
    const row = this.#rows.get(tuple.at(-1) as string);
    assert(row !== undefined, 'an index tuple ends in the key of a row');
    return row;
  }

  *select(index: string, prefix: IndexKey): Generator<Row> {
    for (const tuple of this.index(index).scan(prefix)) yield this.at(tuple);
  }

  *passed(index: string, at: number): Generator<Row> {
    for (const tuple of this.#risingOf(index).upTo(at)) yield this.at(tuple);
  }

  soonest(index: string, at: number): number | undefined {
    return this.#risingOf(index).soonest(at);
  }

  count(counter: string, label: string): number {
    return this.counts(counter).get(label) ?? 0;
  }

  counts(counter: string): ReadonlyMap<string, number> {
    const found = this.#counters.get(counter);
    assert(found !== undefined, 'the table declares the counter', counter);
    return found.counts;
  }

  put(row: Row): void {
    this.replace(this.definition.key(row), row);
  }

  remove(key: string): void {
    if (this.#rows.has(key)) this.replace(key, undefined);
  }

  /** Replaces and records: the only way a row changes. All of it happens, or it throws and nothing does. */
  replace(key: string, after: Row | undefined): void {
    const kept = this.#rows.kept(key);
    this.#plan(this.#row(key, kept), after);
    this.#record(this as Table<unknown>, key, kept, after);
    this.#move(key, after);
  }

  /** Puts back what was there, without recording it: rollback and snapshots only. */
  restore(key: string, kept: Kept<Row> | undefined): void {
    const row = this.#row(key, kept);
    this.#plan(this.#rows.get(key), row);
    this.#move(key, row);
  }

  #risingOf(name: string): RisingIndex<Row> {
    const found = this.#indexes.get(name);
    assert(found instanceof RisingIndex, 'the table declares the rising index', name);
    return found;
  }

  #row(key: string, kept: Kept<Row> | undefined): Row | undefined {
    return kept === undefined ? undefined : this.read(key, kept);
  }

  #plan(before: Row | undefined, after: Row | undefined): void {
    for (const derived of this.#derived) derived.plan(before, after);
  }

  #move(key: string, row: Row | undefined): void {
    if (row === undefined) this.#rows.delete(key);
    else this.#rows.set(key, row);
    for (const derived of this.#derived) derived.move(key);
  }
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>> | undefined,
  make: (value: From) => To,
): ReadonlyMap<string, To> {
  return new Map(Object.entries(record ?? {}).map(([name, value]) => [name, make(value)]));
}
