import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AFTER_NUMBER,
  AFTER_TEXT,
  compareKeys,
  distinct,
  type IndexKey,
  OrderedIndex,
} from '../../src/projections/ordered-index.ts';

/** One row after another, each with a tuple that its key ends. */
function indexOf(...keys: readonly IndexKey[]): OrderedIndex {
  const index = new OrderedIndex();
  for (const key of keys) index.move(key.at(-1) as string, [], [key.slice(0, -1)]);
  return index;
}

/** Tuples of one shape, as a table's index has them: a text, a number, and the key. */
const tuple = fc.tuple(
  fc.constantFrom('', 'a', 'ab', 'b', 'Z', 'ä'),
  fc.integer({ min: -3, max: 12 }),
  fc.string({ maxLength: 2 }),
);

describe('the order', () => {
  test('numbers go by value, strings by code unit, and a prefix comes before what it begins', () => {
    const keys: IndexKey[] = [['b'], ['a', 10], ['a', 9], ['a'], ['B'], ['a', 9, 'x'], []];
    expect(keys.sort(compareKeys)).toEqual([
      [],
      ['B'],
      ['a'],
      ['a', 9],
      ['a', 9, 'x'],
      ['a', 10],
      ['b'],
    ]);
  });

  test('it is total: exactly one of less, equal, greater holds, and it is transitive', () => {
    fc.assert(
      fc.property(tuple, tuple, tuple, (one, two, three) => {
        expect(Math.sign(compareKeys(one, two))).toBe(-Math.sign(compareKeys(two, one)) + 0);
        expect(compareKeys(one, two) === 0).toBe(JSON.stringify(one) === JSON.stringify(two));
        const [low, middle, high] = [one, two, three].sort(compareKeys);
        expect(compareKeys(low!, middle!)).toBeLessThanOrEqual(0);
        expect(compareKeys(middle!, high!)).toBeLessThanOrEqual(0);
        expect(compareKeys(low!, high!)).toBeLessThanOrEqual(0);
      }),
    );
  });

  test('AFTER_TEXT and AFTER_NUMBER stand above everything at their place', () => {
    fc.assert(
      fc.property(tuple, ([text, number, key]) => {
        expect(compareKeys([AFTER_TEXT], [text, number, key])).toBeGreaterThan(0);
        expect(compareKeys([text, AFTER_NUMBER], [text, number, key])).toBeGreaterThan(0);
      }),
    );
  });

  test('a part that is neither text nor a finite number has no place in it', () => {
    const index = indexOf(['a', 0, -1.5, '', 'k']);
    expect(() => index.assertPlaced(['b', 1, 1, 'b'])).not.toThrow();
    for (const part of [Number.NaN, AFTER_NUMBER, undefined, null, {}])
      expect(() => index.assertPlaced(['a', 0, part as number, ''])).toThrow('strings and numbers');
  });

  test('a tuple that is wider or narrower than the others has none either', () => {
    const index = indexOf(['a', 1, 'k']);
    for (const tuple of [[], ['a'], ['a', 1, 2]])
      expect(() => index.assertPlaced(tuple)).toThrow('one width');
  });
});

describe('an ordered index', () => {
  test('finds what a sorted list would find, whatever was moved before', () => {
    const moves = fc.array(fc.tuple(fc.array(tuple, { maxLength: 3 }), fc.nat()));
    fc.assert(
      fc.property(moves, tuple, (story, [text, number]) => {
        const index = new OrderedIndex();
        const rows = new Map<string, readonly IndexKey[]>();
        for (const [tuples, victim] of story) {
          const key = `row ${victim % 12}`;
          index.move(key, rows.get(key) ?? [], distinct(tuples));
          rows.set(key, distinct(tuples));
        }
        const sorted = [...rows]
          .flatMap(([key, tuples]) => tuples.map((parts) => [...parts, key]))
          .sort(compareKeys);
        const begins = (key: IndexKey): boolean => key[0] === text;
        const above = (key: IndexKey): boolean => compareKeys(key, [text, number]) > 0;
        expect(index.size).toBe(sorted.length);
        expect([...index.scan([])]).toEqual(sorted);
        expect([...index.scan([text])]).toEqual(sorted.filter(begins));
        expect(index.first([text])).toEqual(sorted.find(begins));
        expect(index.next([text, number], [])).toEqual(sorted.find(above));
        expect(index.next([text, number], [text])).toEqual(
          sorted.filter(above).find((key, place) => place === 0 && begins(key)),
        );
      }),
    );
  });

  test('a bound ending in AFTER_… jumps over a group', () => {
    const index = indexOf(['a', 1, 'k'], ['a', 2, 'k'], ['b', 1, 'k']);
    expect(index.next(['a', AFTER_NUMBER], [])).toEqual(['b', 1, 'k']);
    expect(index.next(['a', 1, AFTER_TEXT], ['a'])).toEqual(['a', 2, 'k']);
    expect(index.next(['a', 2, AFTER_TEXT], ['a'])).toBeUndefined();
  });

  test('moving leaves alone what the row had before and still has', () => {
    const index = indexOf(['a', 'k'], ['b', 'k']);
    index.move('k', [['a'], ['b']], [['b'], ['c']]);
    expect([...index.scan([])]).toEqual([
      ['b', 'k'],
      ['c', 'k'],
    ]);
  });

  test('that does not hold what a row says is an impossibility, not a surprise later', () => {
    expect(() => indexOf().move('k', [['a']], [])).toThrow('an index holds what its rows say');
    const taken = indexOf(['a', 'k']);
    expect(() => taken.move('k', [], [['a']])).toThrow('an index holds each tuple once');
  });
});
