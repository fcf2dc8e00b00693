/**
 * The one primitive of all projections: a table of immutable rows by key.
 *
 * A row is never changed, only replaced. Every replacement is reported to the machine's undo ring with
 * the row it replaced; from that one record come rollback, the change feed, recent time travel and the
 * snapshot cut. Secondary indexes and counters are derived from the rows and never stored.
 */
import { assert } from './assert.ts';
import {
  distinct,
  type IndexKey,
  isOrdered,
  OrderedIndex,
  type ReadonlyOrderedIndex,
} from './ordered-index.ts';

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

/**
 * A replacement worked out for one index or counter: it cannot fail any more. Whatever a definition may
 * throw, it throws while this is made, when nothing has changed, so that rollback is always whole.
 */
type Move = () => void;

/** An index that knows how to read its tuples off a row. */
class RowIndex<Row> {
  readonly tree = new OrderedIndex();
  readonly #tuples: (row: Row) => readonly IndexKey[];

  constructor(tuples: (row: Row) => readonly IndexKey[]) {
    this.#tuples = tuples;
  }

  plan(key: string, before: Row | undefined, after: Row | undefined): Move {
    const [from, to] = [this.#keyed(key, before), this.#keyed(key, after)];
    return () => this.tree.move(from, to);
  }

  #keyed(key: string, row: Row | undefined): readonly IndexKey[] {
    if (row === undefined) return [];
    const tuples = this.#tuples(row).map((tuple) => [...tuple, key]);
    assert(tuples.every(isOrdered), 'an index tuple is made of strings and numbers');
    return distinct(tuples);
  }
}

/** Rows per label; a label without rows is forgotten. */
class RowCounter<Row> {
  readonly counts = new Map<string, number>();
  readonly #label: (row: Row) => string | undefined;

  constructor(label: (row: Row) => string | undefined) {
    this.#label = label;
  }

  count(label: string): number {
    return this.counts.get(label) ?? 0;
  }

  plan(_key: string, before: Row | undefined, after: Row | undefined): Move {
    const [from, to] = [this.#labelOf(before), this.#labelOf(after)];
    return () => this.#move(from, to);
  }

  #move(from: string | undefined, to: string | undefined): void {
    if (from === to) return;
    this.#shift(from, -1);
    this.#shift(to, 1);
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
  readonly #rows = new Map<string, Row>();
  readonly #indexes: ReadonlyMap<string, RowIndex<Row>>;
  readonly #counters: ReadonlyMap<string, RowCounter<Row>>;
  readonly #derived: readonly (RowIndex<Row> | RowCounter<Row>)[];
  readonly #record: Recorder;

  constructor(definition: TableDefinition<Row>, record: Recorder) {
    this.definition = definition;
    this.#record = record;
    this.#indexes = mapValues(definition.indexes, (tuples) => new RowIndex(tuples));
    this.#counters = mapValues(definition.counters, (label) => new RowCounter(label));
    this.#derived = [...this.#indexes.values(), ...this.#counters.values()];
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

  /** Replaces and records: the only way a row changes. All of it happens, or it throws and nothing does. */
  replace(key: string, after: Row | undefined): void {
    const before = this.#rows.get(key);
    const moves = this.#plan(key, after);
    this.#record(this as Table<unknown>, key, before, after);
    this.#take(key, after, moves);
  }

  /** Puts back what was there, without recording it: rollback and snapshots only. */
  restore(key: string, row: Row | undefined): void {
    this.#take(key, row, this.#plan(key, row));
  }

  #plan(key: string, after: Row | undefined): readonly Move[] {
    const before = this.#rows.get(key);
    return this.#derived.map((derived) => derived.plan(key, before, after));
  }

  #take(key: string, row: Row | undefined, moves: readonly Move[]): void {
    if (row === undefined) this.#rows.delete(key);
    else this.#rows.set(key, row);
    for (const move of moves) move();
  }
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>> | undefined,
  make: (value: From) => To,
): ReadonlyMap<string, To> {
  return new Map(Object.entries(record ?? {}).map(([name, value]) => [name, make(value)]));
}
