import { beforeEach, describe, expect, test } from 'vitest';
import { Table, type TableDefinition } from '../../src/projections/table.ts';
import { UndoRing } from '../../src/projections/undo-ring.ts';

interface Light {
  readonly id: string;
  readonly colour: string;
}

const LIGHTS: TableDefinition<Light> = {
  name: 'lights',
  key: (row) => row.id,
  columns: ['id', 'colour'],
};

let ring: UndoRing;
let lights: Table<Light>;

beforeEach(() => begin({ entries: 4, bytes: 1000 }));

function begin(limits: ConstructorParameters<typeof UndoRing>[0]): void {
  ring = new UndoRing(limits);
  lights = new Table(LIGHTS, (table, key, before, after) =>
    ring.record({ table, key, before, after }),
  );
}

/** An entry that shows its own index. */
function entry(index: number, bytes = 10): void {
  lights.put({ id: 'only', colour: `colour ${index}` });
  ring.commit(index, bytes);
}

/** What the only light showed at an index, read back from the ring. */
function colourAt(index: number): string | undefined {
  let colour = lights.get('only')?.colour;
  for (const { changes } of ring.above(index))
    for (const change of changes.toReversed())
      colour = (change.before as Light | undefined)?.colour;
  return colour;
}

test('the state at every index down to the floor can be had back', () => {
  for (let index = 1; index <= 3; index++) entry(index);
  expect(ring.floor).toBe(0);
  expect([3, 2, 1, 0].map(colourAt)).toEqual(['colour 3', 'colour 2', 'colour 1', undefined]);
});

test('an entry that changed nothing is kept too: the floor is about indices', () => {
  entry(1);
  expect(ring.commit(2, 10)).toEqual([]);
  expect([ring.size, ring.floor]).toEqual([2, 0]);
});

describe('I8: the ring is bounded', () => {
  test('by entries: the oldest goes and the floor rises', () => {
    for (let index = 1; index <= 6; index++) entry(index);
    expect([ring.size, ring.floor]).toEqual([4, 2]);
    expect(colourAt(2)).toBe('colour 2');
  });

  test('by bytes: as many of the oldest go as it takes', () => {
    entry(1, 400);
    entry(2, 400);
    entry(3, 300);
    expect([ring.size, ring.floor]).toEqual([2, 1]);
    entry(4, 900);
    expect([ring.size, ring.floor]).toEqual([1, 3]);
  });

  test('an entry larger than the whole ring leaves it empty, not over its bound', () => {
    entry(1);
    entry(2, 5000);
    expect([ring.size, ring.floor]).toEqual([0, undefined]);
    entry(3);
    expect([ring.size, ring.floor]).toEqual([1, 2]);
  });

  test('an entry larger than the whole ring leaves nothing behind, wherever it comes', () => {
    begin({ entries: 5000, bytes: 100_000 });
    for (let index = 1; index <= 3000; index += 3) {
      entry(index, 200_000);
      expect([ring.size, ring.floor]).toEqual([0, undefined]);
      entry(index + 1);
      entry(index + 2);
      expect([ring.size, ring.floor]).toEqual([2, index]);
    }
  });

  test('over many stretches of dropping, every kept index stays readable', () => {
    begin({ entries: 100, bytes: 1_000_000 });
    for (let index = 1; index <= 5000; index++) entry(index);
    expect([ring.size, ring.floor]).toEqual([100, 4900]);
    for (const index of [4900, 4950, 4999]) expect(colourAt(index)).toBe(`colour ${index}`);
    expect([...ring.above(0)]).toHaveLength(100);
  });
});

test('a replay is kept as far as it would still be kept at its end, and what follows wholly', () => {
  ring.replayTo(100);
  for (let index = 1; index <= 99; index++) entry(index);
  expect([ring.size, ring.floor]).toEqual([3, 96]);
  expect([98, 97, 96].map(colourAt)).toEqual(['colour 98', 'colour 97', 'colour 96']);
  for (let index = 100; index <= 105; index++) entry(index);
  expect([ring.size, ring.floor]).toEqual([4, 101]);
});

test('a ring of no entries keeps none, and still takes back the open one', () => {
  begin({ entries: 0, bytes: 0 });
  entry(1);
  lights.put({ id: 'only', colour: 'wrong' });
  ring.rollback();
  expect(lights.get('only')?.colour).toBe('colour 1');
  entry(2);
  expect([ring.size, ring.floor, [...ring.above(0)]]).toEqual([0, undefined, []]);
});

test('rollback takes back the open entry only', () => {
  entry(1);
  lights.put({ id: 'only', colour: 'wrong' });
  lights.put({ id: 'other', colour: 'wrong' });
  ring.rollback();
  expect([...lights.rows()]).toEqual([{ id: 'only', colour: 'colour 1' }]);
  expect(ring.commit(2, 10)).toEqual([]);
});

test('after clear nothing of the past is left', () => {
  for (let index = 1; index <= 3; index++) entry(index);
  ring.clear();
  expect([ring.size, ring.floor, [...ring.above(0)]]).toEqual([0, undefined, []]);
});
