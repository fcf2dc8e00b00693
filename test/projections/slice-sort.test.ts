import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Keyed, sortInSlices } from '../../src/projections/slice-sort.ts';

interface Item {
  readonly key: string;
  readonly born: number;
}

/** Everything at once, and how often the sorting rested. */
function sorted(items: readonly Item[]): { readonly items: Item[]; readonly rests: number } {
  const sorting = sortInSlices(
    items.map(({ key }) => key),
    items,
  );
  let rests = 0;
  let step = sorting.next();
  for (; step.done !== true; step = sorting.next()) rests += 1;
  return { items: drained(step.value), rests };
}

function drained(merged: Iterator<Keyed<Item>, void>): Item[] {
  const items: Item[] = [];
  for (let next = merged.next(); next.done !== true; next = merged.next())
    items.push(next.value.item);
  return items;
}

function reference(items: readonly Item[]): Item[] {
  const order = (one: Item, other: Item): number => {
    if (one.key === other.key) return one.born - other.born;
    return one.key < other.key ? -1 : 1;
  };
  return [...items].sort(order);
}

function itemsOf(keys: readonly string[]): Item[] {
  return keys.map((key, born) => ({ key, born }));
}

test('rows come in the order of their keys, by UTF-16 code units, and equal keys in the order they came', () => {
  const key = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constantFrom('', 'a', 'A', 'ä', '\uffff', '😀', '\ud800'),
  );
  fc.assert(
    fc.property(fc.array(key), (keys) => {
      expect(sorted(itemsOf(keys)).items).toEqual(reference(itemsOf(keys)));
    }),
  );
});

test('many runs merge into one order', () => {
  const count = fc.constantFrom(0, 1, 2_047, 2_048, 2_049, 4_096, 10_000, 20_001);
  fc.assert(
    fc.property(count, fc.nat(), (items, seed) => {
      const keys = Array.from({ length: items }, (_, place) =>
        String((place * 7_919 + seed) % 5_003),
      );
      expect(sorted(itemsOf(keys)).items).toEqual(reference(itemsOf(keys)));
    }),
    { numRuns: 30 },
  );
});

test('it rests after every 2 048 rows, and merges no faster than it is read', () => {
  const items = itemsOf(Array.from({ length: 10_000 }, (_, place) => String(place)));
  expect(sorted(items).rests).toBe(5);
  const read = new Set<string>();
  const watched = new Proxy(items, {
    get: (all, place: string) => {
      read.add(place);
      return all[Number(place)];
    },
  });
  const sorting = sortInSlices(
    items.map(({ key }) => key),
    watched,
  );
  sorting.next();
  expect(read.size).toBe(2_048);
});

test('the rows themselves are left as they are', () => {
  const items = itemsOf(['b', 'a', 'c']);
  sorted(items);
  expect(items.map(({ key }) => key)).toEqual(['b', 'a', 'c']);
});
