/**
 * An ordered index of a table: tuples of strings and numbers in ascending order, each ending in the
 * row's key, so that the order is total and a restored table chooses exactly like the live one.
 *
 * Strings compare by UTF-16 code unit, numbers by value; a tuple that is a prefix of another comes
 * first. `AFTER_TEXT` and `AFTER_NUMBER` stand above everything and let a scan jump behind a prefix.
 */
import { assert } from './assert.ts';
import { SortedTuples } from './sorted-tuples.ts';

export type IndexPart = string | number;
export type IndexKey = readonly IndexPart[];
/** Above every string and every number at its place in a tuple: ids hold no such character. */
export const AFTER_TEXT = '\uffff';
export const AFTER_NUMBER = Number.POSITIVE_INFINITY;

export function compareKeys(left: IndexKey, right: IndexKey): number {
  const shared = Math.min(left.length, right.length);
  for (let part = 0; part < shared; part++) {
    const one = left[part] as IndexPart;
    const other = right[part] as IndexPart;
    if (one !== other) return one < other ? -1 : 1;
  }
  return left.length - right.length;
}

function startsWith(key: IndexKey, prefix: IndexKey): boolean {
  return prefix.every((part, place) => key[place] === part);
}

/** The tuples of `these` that are not among `those`; rows have few, mostly one. */
function missing(these: readonly IndexKey[], those: readonly IndexKey[]): readonly IndexKey[] {
  if (these.length === 0 || those.length === 0) return these;
  return these.filter((key) => !those.some((other) => compareKeys(key, other) === 0));
}

/** Whether two rows have the same tuples in the same order: then their index need not be touched. */
export function areSame(these: readonly IndexKey[], those: readonly IndexKey[]): boolean {
  if (these.length !== those.length) return false;
  for (let place = 0; place < these.length; place++)
    if (compareKeys(these[place] as IndexKey, those[place] as IndexKey) !== 0) return false;
  return true;
}

/** The tuples, each once: a row that says something twice stands in one place. */
export function distinct(keys: readonly IndexKey[]): readonly IndexKey[] {
  if (keys.length < 2) return keys;
  return keys.filter((key, place) => missing([key], keys.slice(0, place)).length === 1);
}

/**
 * The tuple of a row, with its key. It has a place in the order, below what AFTER_… jumps to.
 *
 * Made for every index of every changed row, and kept: so its length is said at once. An array that is
 * pushed to keeps room for twenty more, and `concat` takes five times as long.
 */
export function keyed(tuple: IndexKey, key: string): IndexKey {
  const whole = new Array<IndexPart>(tuple.length + 1);
  for (let place = 0; place < tuple.length; place++)
    whole[place] = placed(tuple[place] as IndexPart);
  whole[tuple.length] = key;
  return whole;
}

function placed(part: IndexPart): IndexPart {
  // NaN, infinity and absent parts have no place in the order.
  assert(typeof part === 'string' || Number.isFinite(part), 'a tuple is of strings and numbers');
  return part;
}

/** What rules may do with an index: look, never change. */
export interface ReadonlyOrderedIndex {
  readonly size: number;
  /** The first tuple that begins with `prefix`. */
  first(prefix: IndexKey): IndexKey | undefined;
  /** The first tuple above `bound` that begins with `prefix`; a bound ending in AFTER_… jumps a group. */
  next(bound: IndexKey, prefix: IndexKey): IndexKey | undefined;
  /** All tuples that begin with `prefix`, in order. The index must not change while it is walked. */
  scan(prefix: IndexKey): Generator<IndexKey>;
}

export class OrderedIndex implements ReadonlyOrderedIndex {
  readonly #tuples = new SortedTuples();

  get size(): number {
    return this.#tuples.size;
  }

  /** Replaces the tuples of a row by those of its successor; what both have stays untouched. */
  move(before: readonly IndexKey[], after: readonly IndexKey[]): void {
    for (const key of missing(before, after))
      assert(this.#tuples.delete(key), 'an index holds what its rows say');
    for (const key of missing(after, before))
      assert(this.#tuples.add(key), 'an index holds each tuple once');
  }

  first(prefix: IndexKey): IndexKey | undefined {
    return this.next(prefix, prefix);
  }

  next(bound: IndexKey, prefix: IndexKey): IndexKey | undefined {
    const found = this.#tuples.above(bound);
    if (found === undefined) return undefined;
    return startsWith(found, prefix) ? found : undefined;
  }

  *scan(prefix: IndexKey): Generator<IndexKey> {
    for (const key of this.#tuples.from(prefix)) {
      if (!startsWith(key, prefix)) return;
      yield key;
    }
  }
}
