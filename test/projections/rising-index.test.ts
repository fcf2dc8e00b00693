import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AFTER_TEXT, OrderedIndex } from '../../src/projections/ordered-index.ts';
import { Table, type TableDefinition } from '../../src/projections/table.ts';
import { UndoRing } from '../../src/projections/undo-ring.ts';

interface Lease {
  readonly id: string;
  readonly ends: number;
}

/** The same order twice: as it is looked at, and as it is kept up at once. */
const LEASES: TableDefinition<Lease> = {
  name: 'leases',
  key: (row) => row.id,
  columns: ['id', 'ends'],
  indexes: { by_end: { rising: (row) => row.ends }, by_end_at_once: ['ends'] },
};

let undo: UndoRing;
let leases: Table<Lease>;

/** The mark of an index never goes back, so each run has one of its own. */
function begun(): void {
  undo = new UndoRing();
  leases = new Table(LEASES, (table, key, before, after) =>
    undo.record({ table, key, before, after }),
  );
}

beforeEach(begun);

afterEach(() => {
  vi.restoreAllMocks();
});

const NUMBER = fc.integer({ min: 0, max: 12 });
const ID = fc.constantFrom('a', 'b', 'c', 'd', 'e');

type Step =
  | { readonly kind: 'put'; readonly row: Lease }
  | { readonly kind: 'remove'; readonly id: string }
  | { readonly kind: 'rollback' | 'commit' | 'first' | 'scan' }
  | { readonly kind: 'reached' | 'next' | 'prefix' | 'passed' | 'soonest'; readonly at: number }
  | { readonly kind: 'begin'; readonly rows: number };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('put'), row: fc.record({ id: ID, ends: NUMBER }) }),
  },
  fc.record({ kind: fc.constant('remove'), id: ID }),
  fc.record({ kind: fc.constantFrom('rollback', 'commit', 'first', 'scan') }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('reached', 'next', 'prefix', 'passed', 'soonest'),
      at: NUMBER,
    }),
  },
  fc.record({ kind: fc.constant('begin'), rows: fc.integer({ min: 1, max: 3 }) }),
);

/** The first rows of an index, which is then left alone. */
function begin(name: string, rows: number): unknown[] {
  const found: unknown[] = [];
  for (const tuple of leases.index(name).scan([])) {
    found.push(tuple);
    if (found.length === rows) break;
  }
  return found;
}

/** What a step reads of an index; those that read nothing change both alike. */
function read(name: string, step: Step): unknown {
  const index = leases.index(name);
  if (step.kind === 'first') return index.first([]);
  if (step.kind === 'scan') return [...index.scan([])];
  if (step.kind === 'next') return index.next([step.at, AFTER_TEXT], []);
  if (step.kind === 'prefix') return [...index.scan([step.at])];
  return step.kind === 'begin' ? begin(name, step.rows) : index.size;
}

function change(step: Step, place: number): void {
  if (step.kind === 'put') leases.put(step.row);
  if (step.kind === 'remove') leases.remove(step.id);
  if (step.kind === 'rollback') undo.rollback();
  if (step.kind === 'commit') undo.commit(place, 0);
  if (step.kind === 'reached') for (const index of leases.rising) index.reached(step.at);
}

/** What only a rising index is asked, beside what the other one says of the same rows. */
function look(step: Step): void {
  if (step.kind !== 'passed' && step.kind !== 'soonest') return;
  const { at } = step;
  const exact = [...leases.rows()].sort(
    (one, other) => one.ends - other.ends || (one.id < other.id ? -1 : 1),
  );
  if (step.kind === 'passed') {
    expect([...leases.passed('by_end', at)]).toEqual(exact.filter(({ ends }) => ends <= at));
    return;
  }
  const soonest = leases.soonest('by_end', at);
  const coming = exact.find(({ ends }) => ends > at);
  expect(soonest === undefined).toBe(coming === undefined);
  if (soonest === undefined || coming === undefined) return;
  expect(soonest).toBeGreaterThan(at);
  expect(soonest).toBeLessThanOrEqual(coming.ends);
}

describe('a rising index', () => {
  test('reads as one that is kept up at once, whatever is changed and looked at between', () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
        begun();
        for (const [place, step] of steps.entries()) {
          change(step, place);
          look(step);
          expect(read('by_end', step)).toEqual(read('by_end_at_once', step));
        }
        expect([...leases.index('by_end').scan([])]).toEqual([
          ...leases.index('by_end_at_once').scan([]),
        ]);
      }),
      { numRuns: 500 },
    );
  });

  test('leaves a row that rises where it is, until log time comes there', () => {
    const [index] = leases.rising;
    leases.put({ id: 'a', ends: 100 });
    const placed = vi.spyOn(OrderedIndex.prototype, 'put');
    for (let ends = 101; ends <= 200; ends++) {
      index?.plan(undefined, { id: 'a', ends });
      index?.move('a');
    }
    index?.reached(99);
    expect(placed).toHaveBeenCalledTimes(0);

    index?.reached(100);
    expect(placed).toHaveBeenCalledTimes(1);
    index?.reached(199);
    expect(placed).toHaveBeenCalledTimes(1);
    expect(index?.first([])).toEqual([200, 'a']);
  });

  test('moves only what stands before the answer when it is asked what comes next', () => {
    for (const [id, ends] of [
      ['a', 10],
      ['b', 20],
      ['c', 30],
    ] as const)
      leases.put({ id, ends });
    for (const [id, ends] of [
      ['a', 40],
      ['b', 50],
      ['c', 60],
    ] as const)
      leases.put({ id, ends });
    const placed = vi.spyOn(OrderedIndex.prototype, 'put');
    leases.put({ id: 'd', ends: 25 });
    placed.mockClear();

    expect(leases.index('by_end').next([15, AFTER_TEXT], [])).toEqual([25, 'd']);
    expect(placed.mock.calls.map(([, key]) => key)).toEqual(['a', 'b']);
  });

  test('says when to look again without moving anything, and by then knows better', () => {
    leases.put({ id: 'a', ends: 10 });
    leases.put({ id: 'a', ends: 30 });
    leases.put({ id: 'b', ends: 20 });
    const placed = vi.spyOn(OrderedIndex.prototype, 'put');
    expect(leases.soonest('by_end', 5)).toBe(10);
    expect(placed).toHaveBeenCalledTimes(0);
    expect(leases.soonest('by_end', 10)).toBe(20);
    expect([...leases.passed('by_end', 20)]).toEqual([{ id: 'b', ends: 20 }]);
    expect(leases.soonest('by_end', 20)).toBe(30);
    expect(leases.soonest('by_end', 30)).toBeUndefined();
    expect(() => leases.soonest('by_end_at_once', 1)).toThrow('declares the rising index');
  });

  test('refuses a row without a number, and is as it was', () => {
    leases.put({ id: 'a', ends: 1 });
    expect(() => leases.put({ id: 'a', ends: Number.NaN })).toThrow('a rising index is of numbers');
    expect(leases.index('by_end').first([])).toEqual([1, 'a']);
  });
});
