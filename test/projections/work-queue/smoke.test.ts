import { expect, test } from 'vitest';
import { WORK } from '../../../src/projections/work-queue/work-table.ts';
import { World } from '../world.ts';

test('an item is added, claimed, failed, claimed again after its backoff, and completed', () => {
  const world = new World();
  world.do('add_work', { work_id: 'w1', priority: 90 });
  const [claim] = world.do('claim_work', { node_id: 'n1' }).results as { token: number }[];
  expect(world.tables.of(WORK).get('w1')).toMatchObject({ status: 'claimed', token: claim?.token });
  world.do('fail_work', { work_id: 'w1', token: claim?.token, error: 'out of memory' });
  expect(world.do('claim_work', { node_id: 'n1' }).results).toEqual([]);
  world.pass(1300);
  const [again] = world.do('claim_work', { node_id: 'n2' }).results as { token: number }[];
  world.do('complete_work', { work_id: 'w1', token: again?.token });
  expect(world.tables.of(WORK).get('w1')).toMatchObject({ status: 'completed', attempts: 2 });
});
