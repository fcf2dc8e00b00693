import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Table, type TableDefinition } from '../../src/projections/table.ts';
import { UndoRing } from '../../src/projections/undo-ring.ts';

interface Boat {
  readonly id: string;
  readonly pier: string;
  readonly length: number;
}

/** The same orders twice: once by parts, once by what maps a row to its tuples. */
const BOATS: TableDefinition<Boat> = {
  name: 'boats',
  key: (row) => row.id,
  columns: ['id', 'pier', 'length'],
  indexes: {
    by_id: [],
    by_id_mapped: () => [[]],
    by_pier: ['pier', 'length'],
    by_pier_mapped: (row) => [[row.pier, row.length]],
    by_shortness: [(row) => -row.length, 'pier'],
    by_shortness_mapped: (row) => [[-row.length, row.pier]],
  },
};
const NAMES = ['by_id', 'by_pier', 'by_shortness'];

let undo: UndoRing;
let boats: Table<Boat>;

beforeEach(() => {
  undo = new UndoRing();
  boats = new Table(BOATS, (table, key, before, after) =>
    undo.record({ table, key, before, after }),
  );
});

function tuplesOf(index: string): unknown[] {
  return [...boats.index(index).scan([])];
}

const boat = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd'),
  pier: fc.constantFrom('east', 'west'),
  length: fc.integer({ min: 3, max: 6 }),
});
const step = fc.oneof(boat, fc.constantFrom('a', 'b', 'c', 'd'), fc.constant(null));

describe('an index of parts', () => {
  test('stands as one that is mapped from the row, through changes, removals and rollbacks', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        for (const [index, what] of steps.entries()) {
          if (typeof what === 'string') boats.remove(what);
          else if (what === null) undo.rollback();
          else boats.put(what);
          if (index % 5 === 0) undo.commit(index, 0);
          for (const name of NAMES) expect(tuplesOf(name)).toEqual(tuplesOf(`${name}_mapped`));
          expect(boats.index('by_id').size).toBe(boats.size);
        }
      }),
    );
  });

  test('is not touched by a row that has no place in it, and the row before it stays', () => {
    boats.put({ id: 'a', pier: 'east', length: 4 });
    const before = NAMES.map(tuplesOf);
    for (const length of [Number.NaN, Number.POSITIVE_INFINITY, undefined as unknown as number])
      for (const id of ['a', 'b'])
        expect(() => boats.put({ id, pier: 'west', length })).toThrow('strings and numbers');
    expect(NAMES.map(tuplesOf)).toEqual(before);
    expect([...boats.rows()]).toEqual([{ id: 'a', pier: 'east', length: 4 }]);
  });
});
