/** What holds after any history of commands. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../src/projections/outcome.ts';
import { Machine, TOKEN_EPOCH } from '../../../src/projections/machine.ts';
import { MAIN_PROJECTIONS } from '../../../src/projections/registry.ts';
import type { Facts } from '../../../src/projections/work-queue/facts.ts';
import { tuplesUnder } from '../../../src/projections/row-index.ts';
import { LANES } from '../../../src/projections/work-queue/lanes.ts';
import { QUEUES } from '../../../src/projections/work-queue/queues.ts';
import { shapeOf } from '../../../src/projections/work-queue/shape.ts';
import {
  isEnded,
  ENDED,
  WORK,
  type WorkRow,
} from '../../../src/projections/work-queue/work-table.ts';
import { rowsOf } from '../world.ts';
import { anySteps, type Step } from './any-command.ts';
import { QueueWorld } from './queue-world.ts';

const RUNS = { numRuns: 200 };

function lived(steps: readonly Step[], world = new QueueWorld()): QueueWorld {
  for (const step of steps) step(world);
  return world;
}

/** All facts of a world about work, in order. */
function factsOf(world: QueueWorld): readonly Facts[] {
  const reader = new Machine({ projections: MAIN_PROJECTIONS });
  return world.entries.flatMap((entry) => {
    const { outcome } = reader.apply(entry);
    return outcome.kind === 'applied' ? (outcome.facts as readonly Facts[]) : [];
  });
}

const ENDS_A_GRANT: ReadonlySet<string> = new Set([
  'work_completed',
  'work_failed',
  'work_released',
  'work_cancelled',
  'work_expired',
]);

describe('I5: grants', () => {
  test('tokens of an item only grow, and stay below 2^53', () => {
    fc.assert(
      fc.property(anySteps(80), (steps) => {
        const newest = new Map<string, number>();
        for (const fact of factsOf(lived(steps))) {
          if (fact.type !== 'work_claimed') continue;
          expect(fact.token).toBeGreaterThan(newest.get(fact.work_id) ?? 0);
          expect(Number.isSafeInteger(fact.token)).toBe(true);
          newest.set(fact.work_id, fact.token);
        }
      }),
      RUNS,
    );
  });

  test('there is at most one holder, and nothing is said of a grant that is not the current one', () => {
    let claims = 0;
    fc.assert(
      fc.property(anySteps(80), (steps) => {
        const grants = new Map<string, number>();
        for (const fact of factsOf(lived(steps))) {
          if (fact.type === 'work_claimed') {
            expect(grants.has(fact.work_id)).toBe(false);
            grants.set(fact.work_id, fact.token);
            claims += 1;
          } else if ('token' in fact) expect(grants.get(fact.work_id)).toBe(fact.token);
          if (ENDS_A_GRANT.has(fact.type) && 'work_id' in fact) grants.delete(fact.work_id);
        }
      }),
      RUNS,
    );
    expect(claims).toBeGreaterThan(100);
  });

  test('a refused command changes no row', () => {
    let refusals = 0;
    fc.assert(
      fc.property(anySteps(40), (steps) => {
        const world = new QueueWorld();
        for (const step of steps) {
          const before = JSON.stringify(rowsOf(world.machine));
          const outcome: Outcome | undefined = step(world);
          if (outcome?.kind !== 'refused') continue;
          refusals += 1;
          expect(JSON.stringify(rowsOf(world.machine))).toBe(before);
        }
      }),
      { numRuns: 50 },
    );
    expect(refusals).toBeGreaterThan(50);
  });
});

describe('I3: history', () => {
  test('decided again, or folded as it was recorded, gives the same rows and digest', () => {
    fc.assert(
      fc.property(anySteps(80), (steps) => {
        const world = lived(steps);
        const again = new Machine({ projections: MAIN_PROJECTIONS });
        const folded = new Machine({ projections: MAIN_PROJECTIONS });
        for (const [place, entry] of world.entries.entries()) {
          again.apply(entry);
          folded.applyRecorded(entry, world.outcomes[place]!);
        }
        const expected = rowsOf(world.machine);
        for (const machine of [again, folded]) {
          expect(machine.digest()).toBe(world.machine.digest());
          expect(rowsOf(machine)).toEqual(expected);
        }
      }),
      RUNS,
    );
  });

  test('no rule throws', () => {
    fc.assert(
      fc.property(anySteps(80), (steps) => {
        expect(lived(steps).machine.position.faults).toBe(0);
      }),
      RUNS,
    );
  });
});

/** The machine's rows put into another, in an order of their own. */
function restored(world: QueueWorld, order: (keys: string[]) => string[]): Machine {
  const { machine } = world;
  const other = new Machine({ projections: MAIN_PROJECTIONS });
  for (const [place, table] of machine.allTables().entries()) {
    const keys = [...table.rows()].map((row) => table.definition.key(row));
    for (const key of order(keys)) other.allTables()[place]?.restore(key, table.get(key));
  }
  other.resume(machine.position, machine.chainState());
  return other;
}

test('trap 5: machines that came to the same entries by different ways stay the same', () => {
  fc.assert(
    fc.property(anySteps(50), anySteps(50), fc.boolean(), (before, after, isReversed) => {
      const world = lived(before);
      const other = restored(world, (keys) => (isReversed ? keys.reverse() : keys.sort()));
      const from = world.entries.length;
      lived(after, world);
      for (const entry of world.entries.slice(from)) other.apply(entry);
      expect(other.digest()).toBe(world.machine.digest());
      expect(rowsOf(other)).toEqual(rowsOf(world.machine));
    }),
    RUNS,
  );
});

describe('what is derived', () => {
  const recount = <Row>(rows: readonly Row[], label: (row: Row) => string | undefined) => {
    const counts = new Map<string, number>();
    for (const name of rows.flatMap((row) => label(row) ?? []))
      counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts;
  };
  const sorted = (counts: ReadonlyMap<string, number>) =>
    [...counts].sort(([one], [other]) => (one < other ? -1 : 1));

  test('counters and indexes are what counting and sorting all rows would give', () => {
    fc.assert(
      fc.property(anySteps(80), (steps) => {
        for (const table of lived(steps).machine.allTables()) {
          const rows = [...table.rows()];
          const { counters = {}, indexes = {}, key } = table.definition;
          for (const [name, label] of Object.entries(counters))
            expect(sorted(table.counts(name))).toEqual(sorted(recount(rows, label)));
          for (const [name, index] of Object.entries(indexes)) {
            const expected = rows.flatMap((row) =>
              tuplesUnder(index, row).map((tuple) => [...tuple, key(row)]),
            );
            const held = [...table.index(name).scan([])];
            expect(held).toHaveLength(expected.length);
            expect(new Set(held.map(String))).toEqual(new Set(expected.map(String)));
          }
        }
      }),
      RUNS,
    );
  });

  test('every lane shows its head, and there are no others', () => {
    fc.assert(
      fc.property(anySteps(80), (steps) => {
        const { tables } = lived(steps);
        const heads = new Map<string, WorkRow>();
        const laneOf = (row: Pick<WorkRow, 'queue' | 'shape' | 'priority' | 'group_key'>) =>
          JSON.stringify([row.queue, row.shape, row.priority, row.group_key ?? '']);
        for (const row of tables.of(WORK).rows()) {
          if (row.status !== 'pending') continue;
          const head = heads.get(laneOf(row));
          if (head === undefined || comesBefore(row, head)) heads.set(laneOf(row), row);
        }
        const lanes = [...tables.of(LANES).rows()];
        expect(new Map(lanes.map((lane) => [laneOf(lane), lane.work_id]))).toEqual(
          new Map([...heads].map(([lane, row]) => [lane, row.work_id])),
        );
      }),
      RUNS,
    );
  });

  const comesBefore = (one: WorkRow, other: WorkRow) =>
    one.added_index < other.added_index ||
    (one.added_index === other.added_index && one.position < other.position);

  test('a pending item waits for nothing, and its shape says what its columns say', () => {
    fc.assert(
      fc.property(anySteps(80), (steps) => {
        const { tables } = lived(steps);
        for (const row of tables.of(WORK).rows()) {
          if (row.status === 'pending') expect(row.waiting_on).toEqual([]);
          for (const id of row.waiting_on)
            expect(tables.of(WORK).get(id)?.status).not.toBe('completed');
          const shape = isEnded(row) ? '' : shapeOf(row);
          expect(row.shape).toBe(shape);
        }
      }),
      RUNS,
    );
  });

  test('totals of a queue are what its facts say, each end counted once', () => {
    fc.assert(
      fc.property(anySteps(80), (steps) => {
        const world = lived(steps);
        const queues = new Map<string, string>();
        const totals = new Map<string, number>();
        const note = (queue: string | undefined, total: string) =>
          totals.set(`${queue} ${total}`, (totals.get(`${queue} ${total}`) ?? 0) + 1);
        for (const fact of factsOf(world)) {
          if (fact.type === 'work_added') queues.set(fact.work_id, fact.queue);
          const queue = queueOf(fact, queues);
          if (fact.type === 'work_added') note(queue, 'added');
          if (fact.type === 'work_claimed') note(queue, 'claimed');
          if (fact.type === 'work_completed') note(queue, 'completed');
          if (fact.type === 'work_cancelled') note(queue, 'cancelled');
          if (fact.type === 'work_expired') note(queue, 'expired');
          if (fact.type === 'work_expired' || fact.type === 'work_failed')
            if ((ENDED as readonly string[]).includes(fact.status)) note(queue, fact.status);
        }
        const columns = ['added', 'claimed', 'expired', ...ENDED] as const;
        for (const row of world.tables.of(QUEUES).rows())
          for (const column of columns)
            expect(row[column]).toBe(totals.get(`${row.queue} ${column}`) ?? 0);
      }),
      RUNS,
    );
  });

  const queueOf = (fact: Facts, queues: ReadonlyMap<string, string>) => {
    if (fact.type === 'work_added') return fact.queue;
    return 'work_id' in fact ? queues.get(fact.work_id) : undefined;
  };
});

test('I7: after any history, everything held past its lease is offered again or over', () => {
  fc.assert(
    fc.property(anySteps(80), (steps) => {
      const world = lived(steps);
      // A leader's first entry, if one was just elected: its grace begins.
      world.do('resume_queue', { queue: 'default' });
      world.pass(90_000);
      while (world.duties().length > 0);
      const { tables } = world;
      for (const status of ['claimed', 'running'])
        expect(tables.of(WORK).count('status', status)).toBe(0);
      for (const row of tables.of(WORK).select('by_status', ['scheduled']))
        expect(row.waiting_on.length > 0 || (row.not_before ?? 0) > world.now).toBe(true);
    }),
    RUNS,
  );
});

test('trap 8: tokens and turns are safe integers at the last index of the last epoch', () => {
  const epoch = 2 ** 13 - 1;
  const world = new QueueWorld({ epoch });
  const last = TOKEN_EPOCH - 3;
  const page = last % 256;
  world.machine.resume(
    { ...world.machine.position, index: last, term: 1 },
    {
      index: last,
      previous_digest: new Uint8Array(32),
      outcomes: Array.from({ length: page }, () => new Uint8Array([0xc0])),
    },
  );
  world.add('w');
  const [claim] = world.claim('n1');
  expect(claim?.token).toBe(epoch * TOKEN_EPOCH + TOKEN_EPOCH - 1);
  expect(claim?.token).toBe(Number.MAX_SAFE_INTEGER);
  expect(world.row('w').token).toBe(Number.MAX_SAFE_INTEGER);
  for (const row of Object.values(rowsOf(world.machine)).flat())
    for (const value of Object.values(row as object))
      if (typeof value === 'number') expect(Number.isSafeInteger(value)).toBe(true);
  expect(world.machine.position.faults).toBe(0);
});
