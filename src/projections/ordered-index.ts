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

/** The tuples of `these` that are not among `those`; rows have few. */
function missing(these: readonly IndexKey[], those: readonly IndexKey[]): readonly IndexKey[] {
  if (these.length === 0 || those.length === 0) return these;
  return these.filter((key) => !those.some((other) => compareKeys(key, other) === 0));
}

/** The tuples, each once: a row that says something twice stands in one place. */
export function distinct(keys: readonly IndexKey[]): readonly IndexKey[] {
  if (keys.length < 2) return keys;
  return keys.filter((key, place) => missing([key], keys.slice(0, place)).length === 1);
}

function isPlaced(part: IndexPart): boolean {
  return typeof part === 'string' || Number.isFinite(part);
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

  /** Asserts that a tuple has a place in the order, below what AFTER_… jumps to. */
  assertPlaced(tuple: IndexKey): void {
    assert(this.#tuples.fits(tuple), 'the tuples of an index are of one width', tuple.length);
    // NaN, infinity and absent parts have no place.
    for (const part of tuple) assert(isPlaced(part), 'a tuple is of strings and numbers');
  }

  /**
   * Replaces the tuples of a row by those of its successor; what both have stays untouched. The key of the
   * row is put behind each of them.
   */
  move(key: string, before: readonly IndexKey[], after: readonly IndexKey[]): void {
    for (const tuple of missing(before, after)) this.take(tuple, key);
    for (const tuple of missing(after, before)) this.put(tuple, key);
  }

  take(tuple: IndexKey, key: string): void {
    assert(this.#tuples.delete(tuple, key), 'an index holds what its rows say');
  }

  put(tuple: IndexKey, key: string): void {
    assert(this.#tuples.add(tuple, key), 'an index holds each tuple once');
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
