import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareKeys } from '../../src/projections/ordered-index.ts';
import { BLOCK_TUPLES, SortedTuples, type Tuple } from '../../src/projections/sorted-tuples.ts';

function tuplesOf(count: number): Tuple[] {
  return Array.from({ length: count }, (_, number) => [number, `k${number}`]);
}

function filled(tuples: readonly Tuple[]): SortedTuples {
  const sorted = new SortedTuples();
  for (const tuple of tuples) sorted.add(...parted(tuple));
  return sorted;
}

/** A tuple, and the key it ends in. */
function parted(tuple: Tuple): [Tuple, string] {
  return [tuple.slice(0, -1), tuple.at(-1) as string];
}

/** Few enough that they meet, many enough for several blocks. */
const tuple = fc.tuple(
  fc.integer({ min: 0, max: 40 }),
  fc.constantFrom('', 'a', 'b', 'ba', 'ä', 'z'),
);
const change = fc.record({ adds: fc.boolean(), tuple });

describe('sorted tuples', () => {
  test('are what a sorted list would be, through splits and joins of blocks', () => {
    const story = fc.array(change, { minLength: 200, maxLength: 1500, size: 'max' });
    fc.assert(
      fc.property(story, fc.nat({ max: 40 }), (changes, limit) => {
        const sorted = new SortedTuples();
        const model = new Map<string, Tuple>();
        for (const { adds, tuple: one } of changes) {
          const name = JSON.stringify(one);
          const isNews = adds !== model.has(name);
          const [parts, key] = parted(one);
          expect(adds ? sorted.add(parts, key) : sorted.delete(parts, key)).toBe(isNews);
          if (adds) model.set(name, one);
          else model.delete(name);
        }
        const expected = [...model.values()].sort(compareKeys);
        expect(sorted.size).toBe(expected.length);
        expect([...sorted.from([])]).toEqual(expected);
        expect([...sorted.from([limit])]).toEqual(
          expected.filter((one) => compareKeys(one, [limit]) >= 0),
        );
        for (const bound of [[], [limit], [limit, 'b'], [limit, 'b', 'c'], ...expected])
          expect(sorted.above(bound)).toEqual(
            expected.find((other) => compareKeys(other, bound) > 0),
          );
      }),
      { numRuns: 60 },
    );
  });

  test('go in and out at both ends, as deadlines do that are renewed in turn', () => {
    const sorted = filled(tuplesOf(1_000));
    for (let number = 0; number < 5_000; number++) {
      expect(sorted.delete([number], `k${number}`)).toBe(true);
      expect(sorted.add([number + 1_000], `k${number + 1_000}`)).toBe(true);
      expect(sorted.above([])).toEqual([number + 1, `k${number + 1}`]);
    }
    expect([...sorted.from([])].map(([number]) => number)).toEqual(
      Array.from({ length: 1_000 }, (_, number) => number + 5_000),
    );
  });

  test('that were many leave nothing behind, and begin anew', () => {
    const many = tuplesOf(BLOCK_TUPLES * 10);
    for (const order of [many, many.toReversed()]) {
      const sorted = filled(many);
      for (const one of order) expect(sorted.delete(...parted(one))).toBe(true);
      expect([sorted.size, sorted.above([]), [...sorted.from([])]]).toEqual([0, undefined, []]);
      expect(sorted.add([7], 'k7')).toBe(true);
      expect([...sorted.from([])]).toEqual([[7, 'k7']]);
    }
  });

  test('are of one width: another is an impossibility', () => {
    expect(() => filled([['a', 'k'], ['k']])).toThrow('of one width');
  });
});
