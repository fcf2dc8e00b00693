import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeptRows, type Packing } from '../../src/projections/kept-rows.ts';
import { Table, type TableDefinition } from '../../src/projections/table.ts';
import { UndoRing } from '../../src/projections/undo-ring.ts';

interface Parcel {
  readonly id: string;
  readonly shelf: string;
  readonly delivered: boolean;
}

const PACKING: Packing<Parcel> = {
  isAtRest: ({ delivered }) => delivered,
  pack: ({ shelf }) => JSON.stringify([shelf]),
  unpack: (id, text) => ({ id, shelf: String(JSON.parse(text)), delivered: true }),
};

const PARCELS: TableDefinition<Parcel> = {
  name: 'parcels',
  key: (row) => row.id,
  columns: ['id', 'shelf', 'delivered'],
  indexes: { by_shelf: (row) => [[row.shelf]] },
  packing: PACKING,
};

const ANY_PARCEL = fc.record({
  id: fc.constantFrom('a', 'b', 'c'),
  shelf: fc.string({ maxLength: 3 }),
  delivered: fc.boolean(),
});

test('rows at rest are kept as text, the others as they are, and all are read as they were put', () => {
  const rows = new KeptRows(PACKING);
  const moving = { id: 'a', shelf: 'north', delivered: false };
  const resting = { id: 'b', shelf: 'south', delivered: true };
  for (const row of [moving, resting]) rows.set(row.id, row);
  expect(rows.all()).toEqual({ keys: ['a', 'b'], kept: [moving, '["south"]'] });
  expect([...rows.rows()]).toEqual([moving, resting]);
  expect([rows.get('a'), rows.get('b'), rows.get('c')]).toEqual([moving, resting, undefined]);
});

test('a table that keeps rows as text answers like one that does not', () => {
  const { packing: _packing, ...plain } = PARCELS;
  fc.assert(
    fc.property(fc.array(fc.oneof(ANY_PARCEL, fc.constantFrom('a', 'b', 'c'))), (steps) => {
      const [packed, usual] = [new Table(PARCELS, () => {}), new Table<Parcel>(plain, () => {})];
      for (const table of [packed, usual])
        for (const step of steps)
          if (typeof step === 'string') table.remove(step);
          else table.put(step);
      expect([...packed.rows()]).toEqual([...usual.rows()]);
      expect([...packed.select('by_shelf', [])]).toEqual([...usual.select('by_shelf', [])]);
    }),
  );
});

test('a row that was kept as text is taken back by a rollback, and is in the undo ring as it was kept', () => {
  const undo = new UndoRing();
  const parcels = new Table(PARCELS, (table, key, before, after) =>
    undo.record({ table, key, before, after }),
  );
  const resting = { id: 'b', shelf: 'south', delivered: true };
  parcels.put(resting);
  undo.commit(1, 0);
  parcels.put({ ...resting, shelf: 'west', delivered: false });
  undo.rollback();
  expect([...parcels.select('by_shelf', [])]).toEqual([resting]);
  parcels.remove('b');
  const [change] = undo.commit(2, 0);
  expect(change?.before).toBe('["south"]');
  expect(parcels.read('b', '["south"]')).toEqual(resting);
});
