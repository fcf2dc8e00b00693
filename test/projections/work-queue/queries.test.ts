import { describe, expect, test } from 'vitest';
import {
  listQueues,
  listWork,
  queueView,
  type WorkQuery,
  workStats,
  workView,
} from '../../../src/projections/work-queue/queries.ts';
import { DAWN } from '../world.ts';
import { QueueWorld } from './queue-world.ts';

describe('the view of an item', () => {
  test('is of what is there', () => {
    const world = new QueueWorld();
    expect(workView(world.tables, world.reading, 'w')).toBeUndefined();
  });

  test('shows amounts readably and keeps the inner columns to itself', () => {
    const world = new QueueWorld().add('w', { requires: { min_gpu_power_milli: 850 } });
    const view = workView(world.tables, world.reading, 'w');
    expect(view?.requires).toEqual({
      capabilities: [],
      gpu_models: [],
      min_gpu_power: 0.85,
      min_gpus: 0,
      min_gpu_milli: 0,
      cpu_milli: 0,
      memory_mib: 0,
    });
    expect(view).not.toHaveProperty('shape');
    expect(JSON.parse(JSON.stringify(view))).toEqual(view);
  });

  test('says how long a claim still lasts by the clock, and that it is over as soon as the log says so', () => {
    const world = new QueueWorld().add('w');
    world.take('w', 'n1', 60);
    world.pass(500);
    expect(workView(world.tables, world.reading, 'w')).toMatchObject({
      deadline_at: DAWN + 60_000,
      expires_in: 60,
    });
    world.pass(59_500);
    expect(workView(world.tables, world.reading, 'w')).toMatchObject({
      deadline_at: DAWN + 60_000,
      expires_in: 1,
    });
    // Whatever comes next, the log has come past the deadline with it.
    world.add('x');
    expect(workView(world.tables, world.reading, 'w')).toMatchObject({
      deadline_at: null,
      expires_in: null,
    });
  });

  test('shows the grace of a new term', () => {
    const world = new QueueWorld().add('w');
    world.take('w', 'n1', 60);
    world.pass(60_000).elect().add('x');
    expect(workView(world.tables, world.reading, 'w')).toMatchObject({
      deadline_at: DAWN + 70_000,
      expires_in: 10,
    });
  });
});

describe('lists', () => {
  const listed = () => {
    const world = new QueueWorld().add(['a1', 'a2', 'a3'], { queue: 'a' });
    world.add(['b1', 'b2'], { queue: 'b' });
    world.take('a2', 'n1');
    world.take('b1', 'n1');
    world.take('b2', 'n2');
    return world;
  };
  const ids = (world: QueueWorld, query: Partial<WorkQuery>) =>
    listWork(world.tables, world.reading, { after: undefined, limit: 100, ...query }).rows.map(
      ({ work_id }) => work_id,
    );

  test.each([
    [{}, ['a1', 'a2', 'a3', 'b1', 'b2']],
    [{ queue: 'a' }, ['a1', 'a2', 'a3']],
    [{ status: 'pending' }, ['a1', 'a3']],
    [{ status: 'claimed' }, ['a2', 'b1', 'b2']],
    [{ status: 'claimed', queue: 'b' }, ['b1', 'b2']],
    [{ holder: 'n1' }, ['a2', 'b1']],
    [{ holder: 'n1', queue: 'b' }, ['b1']],
    [{ holder: 'n2', status: 'running' }, []],
  ] as const)('by %j', (query, expected) => {
    expect(ids(listed(), query)).toEqual(expected);
  });

  test('come in pages, each going on where the one before ended', () => {
    const world = listed();
    const first = listWork(world.tables, world.reading, { after: undefined, limit: 3 });
    expect(first.rows.map(({ work_id }) => work_id)).toEqual(['a1', 'a2', 'a3']);
    const second = listWork(world.tables, world.reading, { after: first.next, limit: 3 });
    expect(second.rows.map(({ work_id }) => work_id)).toEqual(['b1', 'b2']);
    expect(second.next).toBeUndefined();
  });
});

describe('queues', () => {
  test('show limits, what is in them, and what ever happened in them', () => {
    const world = new QueueWorld().add(['a', 'b', 'c']);
    world.do('complete_work', { work_id: 'a', token: world.take('a') });
    world.take('b', 'n1', 1);
    world.pass(1000).duties();
    expect(queueView(world.tables, 'default')).toEqual({
      queue: 'default',
      paused: false,
      limits: { soft: 50_000, hard: 100_000, recovery: 20_000 },
      level: 'none',
      waiting: 2,
      retry_after_seconds: null,
      by_status: {
        scheduled: 0,
        pending: 2,
        claimed: 0,
        running: 0,
        completed: 1,
        failed: 0,
        cancelled: 0,
        timeout: 0,
        dead: 0,
      },
      totals: {
        added: 3,
        claimed: 2,
        completed: 1,
        failed: 0,
        dead: 0,
        timeout: 0,
        cancelled: 0,
        expired: 1,
      },
      changed_index: 0,
    });
    expect(queueView(world.tables, 'other')).toBeUndefined();
  });

  test('are listed by name', () => {
    const world = new QueueWorld().add('a', { queue: 'zeta' }).add('b', { queue: 'alpha' });
    const { rows } = listQueues(world.tables, { after: undefined, limit: 10 });
    expect(rows.map(({ queue }) => queue)).toEqual(['alpha', 'zeta']);
  });
});

test('statistics count by status and type, sum up all queues, and name those under pressure', () => {
  const world = new QueueWorld().add(['a', 'b']).add('c', { queue: 'q', work_type: 'training' });
  world.do('set_queue', { queue: 'q', soft: 1, hard: 1, recovery: 0 });
  world.do('complete_work', { work_id: 'a', token: world.take('a') });
  expect(workStats(world.tables)).toMatchObject({
    total: 3,
    by_status: { pending: 2, completed: 1, dead: 0 },
    by_type: { selfplay: 2, training: 1 },
    totals: { added: 3, claimed: 1, completed: 1 },
    backpressure: [{ queue: 'q', level: 'reject', waiting: 1 }],
  });
});
