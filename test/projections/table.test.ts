import { beforeEach, describe, expect, test } from 'vitest';
import { Table, type TableDefinition } from '../../src/projections/table.ts';
import { Tables } from '../../src/projections/tables.ts';
import { UndoRing } from '../../src/projections/undo-ring.ts';

interface Parcel {
  readonly id: string;
  readonly weight: number;
  readonly tags: readonly string[];
  readonly shelf: string | null;
}

const PARCELS: TableDefinition<Parcel> = {
  name: 'parcels',
  key: (row) => row.id,
  columns: ['id', 'weight', 'tags', 'shelf'],
  indexes: {
    by_weight: (row) => [[row.weight]],
    by_tag: (row) => row.tags.map((tag) => [tag]),
  },
  counters: {
    shelf: (row) => row.shelf ?? undefined,
    // A definition with a defect: it does not expect a parcel without weight.
    heavy: (row) => (row.weight.toFixed(0).length > 2 ? 'heavy' : 'light'),
  },
};

let undo: UndoRing;
let parcels: Table<Parcel>;

beforeEach(() => {
  undo = new UndoRing();
  parcels = new Table(PARCELS, (table, key, before, after) =>
    undo.record({ table, key, before, after }),
  );
});

function parcel(id: string, columns: Partial<Parcel> = {}): Parcel {
  return { id, weight: 1, tags: [], shelf: null, ...columns };
}

function everything(): unknown {
  return {
    rows: [...parcels.rows()].sort((left, right) => (left.id < right.id ? -1 : 1)),
    by_weight: [...parcels.index('by_weight').scan([])],
    by_tag: [...parcels.index('by_tag').scan([])],
    shelf: Object.fromEntries(parcels.counts('shelf')),
    heavy: Object.fromEntries(parcels.counts('heavy')),
  };
}

test('a row is put, replaced and removed by its key', () => {
  parcels.put(parcel('a', { weight: 1 }));
  parcels.put(parcel('a', { weight: 2 }));
  expect(parcels.get('a')).toEqual(parcel('a', { weight: 2 }));
  expect([parcels.size, parcels.has('a'), parcels.has('b')]).toEqual([1, true, false]);
  parcels.remove('a');
  parcels.remove('never there');
  expect([parcels.size, parcels.get('a')]).toEqual([0, undefined]);
});

test('equal index values are ordered by key, whatever the order of insertion', () => {
  for (const id of ['c', 'a', 'b']) parcels.put(parcel(id));
  parcels.put(parcel('z', { weight: 0 }));
  expect([...parcels.select('by_weight', [])].map(({ id }) => id)).toEqual(['z', 'a', 'b', 'c']);
});

test('a row stands once under each of its tuples, and under none if it has none', () => {
  parcels.put(parcel('a', { tags: ['x', 'y', 'x'] }));
  parcels.put(parcel('b'));
  expect([...parcels.index('by_tag').scan([])]).toEqual([
    ['x', 'a'],
    ['y', 'a'],
  ]);
  parcels.put(parcel('a', { tags: ['y'] }));
  expect([...parcels.select('by_tag', ['x'])]).toEqual([]);
  expect([...parcels.select('by_tag', ['y'])].map(({ id }) => id)).toEqual(['a']);
});

test('counters count rows per label; a label without rows is forgotten', () => {
  parcels.put(parcel('a', { shelf: 'top' }));
  parcels.put(parcel('b', { shelf: 'top' }));
  parcels.put(parcel('c'));
  expect([parcels.count('shelf', 'top'), parcels.count('shelf', 'low')]).toEqual([2, 0]);
  parcels.put(parcel('a', { shelf: 'low' }));
  parcels.remove('b');
  expect([...parcels.counts('shelf')]).toEqual([['low', 1]]);
});

test('every replacement is recorded with what it replaced', () => {
  parcels.put(parcel('a'));
  parcels.put(parcel('a', { weight: 2 }));
  parcels.remove('a');
  const changes = undo.commit(1, 0).map(({ key, before, after }) => ({ key, before, after }));
  expect(changes).toEqual([
    { key: 'a', before: undefined, after: parcel('a') },
    { key: 'a', before: parcel('a'), after: parcel('a', { weight: 2 }) },
    { key: 'a', before: parcel('a', { weight: 2 }), after: undefined },
  ]);
});

test('rollback puts rows, indexes and counters back, last change first', () => {
  parcels.put(parcel('a', { tags: ['x'], shelf: 'top' }));
  parcels.put(parcel('b'));
  undo.commit(1, 0);
  const before = everything();
  parcels.put(parcel('a', { tags: ['y'], weight: 500 }));
  parcels.put(parcel('c', { shelf: 'top' }));
  parcels.remove('b');
  parcels.remove('a');
  undo.rollback();
  expect(everything()).toEqual(before);
});

describe('I11: a row that the definition cannot place', () => {
  const misfits: readonly (readonly [string, Partial<Record<keyof Parcel, unknown>>])[] = [
    ['makes an index throw', { tags: undefined }],
    ['makes a counter throw', { weight: undefined }],
    ['has a part that has no order', { weight: Number.NaN }],
  ];

  test.each(misfits)(
    '%s: nothing of it stays, and what was done before is taken back',
    (_, bad) => {
      parcels.put(parcel('a', { tags: ['x'], shelf: 'top' }));
      undo.commit(1, 0);
      const before = everything();
      parcels.put(parcel('a', { tags: ['y'] }));
      expect(() => parcels.put({ ...parcel('a', { shelf: 'low' }), ...bad } as Parcel)).toThrow();
      expect(() => parcels.put({ ...parcel('b'), ...bad } as Parcel)).toThrow();
      undo.rollback();
      expect(everything()).toEqual(before);
      parcels.remove('a');
      expect(parcels.index('by_tag').size).toBe(0);
    },
  );
});

test('asking for an index, a counter or a table that is not declared is an impossibility', () => {
  expect(() => parcels.index('by_colour')).toThrow('declares the index: by_colour');
  expect(() => parcels.count('colour', 'red')).toThrow('declares the counter: colour');
  const tables = new Tables(() => {});
  expect(() => tables.of(PARCELS)).toThrow('declares the table: parcels');
});

test('a table is declared once, and so is its name: snapshots know tables by name', () => {
  const tables = new Tables(() => {});
  const definition: TableDefinition<unknown> = { name: 'parcels', key: String, columns: [] };
  tables.add(definition);
  expect(() => tables.add(definition)).toThrow('a table is declared once: parcels');
  expect(() => tables.add({ ...definition })).toThrow('a table is declared once: parcels');
});
