/**
 * An index of a table's rows: where each row stands in it, worked out from the row and kept up when the
 * row is replaced.
 *
 * It moves in two steps: `plan` works out what a replacement means and throws whatever a definition may
 * throw, while nothing has changed; `move` cannot fail. So rollback is always whole.
 */
import {
  distinct,
  type IndexKey,
  type IndexPart,
  OrderedIndex,
  type ReadonlyOrderedIndex,
} from './ordered-index.ts';
import { RisingIndex } from './rising-index.ts';

/** A column that holds text or numbers, or what makes them of a row. */
export type PartOf<Row> = (keyof Row & string) | ((row: Row) => IndexPart);

/**
 * An index: the parts of the one tuple that every row has, or what maps a row to the tuples it appears
 * under (none, one or several), or a number of the row that mostly rises when it is replaced
 * (`rising-index.ts`). The row's key is appended, so the order is total.
 */
export type IndexOf<Row> =
  readonly PartOf<Row>[] | ((row: Row) => readonly IndexKey[]) | Rising<Row>;

interface Rising<Row> {
  readonly rising: (row: Row) => number;
}

export interface RowIndex<Row> {
  readonly ordered: ReadonlyOrderedIndex;
  plan(before: Row | undefined, after: Row | undefined): void;
  /** @param key of the row that was planned last */
  move(key: string): void;
}

export function rowIndex<Row>(index: IndexOf<Row>): RowIndex<Row> {
  if (typeof index === 'function') return new MappedIndex(index);
  return 'rising' in index ? new RisingIndex(index.rising) : new PartsIndex(index);
}

/** The tuples of a row under an index, without its key. */
export function tuplesUnder<Row>(index: IndexOf<Row>, row: Row): readonly IndexKey[] {
  if (typeof index === 'function') return index(row);
  return ['rising' in index ? [index.rising(row)] : index.map((part) => partOf(part, row))];
}

function partOf<Row>(part: PartOf<Row>, row: Row): IndexPart {
  return typeof part === 'function' ? part(row) : (row[part] as IndexPart);
}

/** Every row has one tuple: it is read into the same array each time, and mostly did not change. */
class PartsIndex<Row> implements RowIndex<Row> {
  readonly ordered = new OrderedIndex();
  readonly #parts: readonly PartOf<Row>[];
  // Texts at first, so that numbers that come later are not kept unboxed and boxed at every look.
  readonly #from: IndexPart[];
  readonly #to: IndexPart[];
  #had = false;
  #has = false;
  #isMoved = false;

  constructor(parts: readonly PartOf<Row>[]) {
    this.#parts = parts;
    this.#from = parts.map(() => '');
    this.#to = parts.map(() => '');
  }

  plan(before: Row | undefined, after: Row | undefined): void {
    this.#had = this.#read(before, this.#from);
    this.#has = this.#read(after, this.#to);
    this.#isMoved = this.#had !== this.#has || !areEqual(this.#from, this.#to);
    if (this.#isMoved && this.#has) this.ordered.assertPlaced(this.#to);
  }

  move(key: string): void {
    if (!this.#isMoved) return;
    if (this.#had) this.ordered.take(this.#from, key);
    if (this.#has) this.ordered.put(this.#to, key);
  }

  /** @returns whether there is a row */
  #read(row: Row | undefined, into: IndexPart[]): boolean {
    if (row === undefined) return false;
    for (let part = 0; part < into.length; part++)
      into[part] = partOf(this.#parts[part] as PartOf<Row>, row);
    return true;
  }
}

function areEqual(one: IndexKey, other: IndexKey): boolean {
  for (let part = 0; part < one.length; part++) if (one[part] !== other[part]) return false;
  return true;
}

const NO_TUPLES: readonly IndexKey[] = [];

/** A row has as many tuples as it says. */
class MappedIndex<Row> implements RowIndex<Row> {
  readonly ordered = new OrderedIndex();
  readonly #tuples: (row: Row) => readonly IndexKey[];
  #isMoved = false;
  #from = NO_TUPLES;
  #to = NO_TUPLES;

  constructor(tuples: (row: Row) => readonly IndexKey[]) {
    this.#tuples = tuples;
  }

  plan(before: Row | undefined, after: Row | undefined): void {
    const from = this.#tuplesOf(before);
    const to = this.#tuplesOf(after);
    this.#isMoved = !areSame(from, to);
    if (!this.#isMoved) return;
    for (const tuple of to) this.ordered.assertPlaced(tuple);
    this.#from = distinct(from);
    this.#to = distinct(to);
  }

  move(key: string): void {
    if (this.#isMoved) this.ordered.move(key, this.#from, this.#to);
  }

  #tuplesOf(row: Row | undefined): readonly IndexKey[] {
    return row === undefined ? NO_TUPLES : this.#tuples(row);
  }
}

/** Whether they are the same tuples in the same order. */
function areSame(these: readonly IndexKey[], those: readonly IndexKey[]): boolean {
  if (these.length !== those.length) return false;
  return these.every((tuple, place) => isSame(tuple, those[place] as IndexKey));
}

function isSame(one: IndexKey, other: IndexKey): boolean {
  return one.length === other.length && areEqual(one, other);
}
