import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { packEnded, unpackEnded } from '../../../src/projections/work-queue/ended-row.ts';
import { NO_REQUIREMENTS } from '../../../src/projections/work-queue/work-item.ts';
import { isEnded, WORK, type WorkRow } from '../../../src/projections/work-queue/work-table.ts';
import { QueueWorld } from './queue-world.ts';

function completed(columns: Record<string, unknown> = {}): WorkRow {
  const world = new QueueWorld().add('w', columns);
  world.do('complete_work', { work_id: 'w', token: world.take('w'), result: { score: 17 } });
  return world.tables.of(WORK).get('w')!;
}

test('an item that is over is read back with every column it had, in the order of the table', () => {
  const requires = { capabilities: ['avx'], min_gpu_power: 0.5 };
  const row = completed({ priority: 3, group_key: 'g', requires, config: { deep: [1.5, 'é'] } });
  const read = unpackEnded('w', packEnded(row));
  expect(read).toEqual(row);
  expect(Object.keys(read)).toEqual([...WORK.columns]);
});

test('the text has the columns in the order of the table, moments told from when the item was added', () => {
  const row = completed();
  const columns = WORK.columns.filter((name) => name !== 'work_id');
  const { requires, ...others } = row;
  const moments = { claimed_at: 0, started_at: null, deadline_at: 60_000, ended_at: 0 };
  const values = { ...others, ...moments, requires: 0 } as Readonly<Record<string, unknown>>;
  expect(requires).toBe(NO_REQUIREMENTS);
  expect(JSON.parse(packEnded(row))).toEqual(columns.map((name) => values[name]));
});

test('whatever a caller put into an item or its result survives', () => {
  const row = completed();
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, text) => {
      const given = {
        ...row,
        config: { value },
        result: { [text]: value },
        error: text,
      } as WorkRow;
      expect(unpackEnded('w', packEnded(given))).toEqual(
        JSON.parse(JSON.stringify(given)) as unknown,
      );
    }),
  );
});

test('items that are over are kept as text, and no others', () => {
  const world = new QueueWorld().add(['w', 'v']);
  world.do('complete_work', { work_id: 'w', token: world.take('w') });
  const [work] = world.machine.allTables().filter(({ definition }) => definition === WORK);
  const { keys, kept } = work!.all();
  const asText = Object.fromEntries(keys.map((key, at) => [key, typeof kept[at] === 'string']));
  expect(asText).toEqual({ w: true, v: false });
  expect([...world.tables.of(WORK).rows()].filter(isEnded)).toHaveLength(1);
});
