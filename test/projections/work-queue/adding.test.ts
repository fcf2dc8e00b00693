import { describe, expect, test } from 'vitest';
import { DEPENDENTS_MAX } from '../../../src/projections/work-queue/dependencies.ts';
import { QUEUES_MAX } from '../../../src/projections/work-queue/queues.ts';
import { WORK_ITEM } from '../../../src/projections/work-queue/work-item.ts';
import { DAWN } from '../world.ts';
import { QueueWorld } from './queue-world.ts';

describe('add_work', () => {
  test('fills in what the caller leaves out', () => {
    const world = new QueueWorld().add('w1');
    expect(world.row('w1')).toMatchObject({
      work_type: 'selfplay',
      queue: 'default',
      status: 'pending',
      priority: 50,
      config: {},
      max_attempts: 3,
      timeout_seconds: 3600,
      not_before: null,
      attempts: 0,
      claimed_by: null,
      token: null,
      added_index: 1,
      added_at: DAWN,
      position: 0,
    });
  });

  test('writes every column, so that a row has one encoding', () => {
    const row = new QueueWorld().add('w1').row('w1');
    expect(Object.values(row)).not.toContain(undefined);
  });

  test('refuses an id that is known, also once the item is over', () => {
    const world = new QueueWorld().add('w1');
    expect(world.refused('add_work', { work_id: 'w1' })).toEqual({
      code: 'exists',
      about: { work_id: 'w1', status: 'pending' },
    });
    world.do('cancel_work', { work_id: 'w1' });
    expect(world.refused('add_work', { work_id: 'w1' }).code).toBe('exists');
  });

  test('refuses a unique key while an item that has it is not over, and names that item', () => {
    const world = new QueueWorld().add('w1', { unique_key: 'train:hex8' });
    expect(world.refused('add_work', { work_id: 'w2', unique_key: 'train:hex8' })).toEqual({
      code: 'unique-conflict',
      about: { unique_key: 'train:hex8', work_id: 'w1', status: 'pending' },
    });
    world.do('cancel_work', { work_id: 'w1' });
    world.add('w2', { unique_key: 'train:hex8' });
    expect(world.status('w2')).toBe('pending');
  });

  test('schedules an item whose time has not come', () => {
    const world = new QueueWorld().add('w1', { not_before: DAWN + 1 });
    expect(world.status('w1')).toBe('scheduled');
    expect(new QueueWorld().add('w1', { not_before: DAWN }).status('w1')).toBe('pending');
  });

  test('refuses fields it does not know: a mistyped requirement must not be dropped', () => {
    const world = new QueueWorld();
    expect(() => world.apply('add_work', { work_id: 'w1', depend_on: ['w0'] })).toThrow(
      'depend_on',
    );
    expect(() => world.apply('add_work', { work_id: 'w1', requires: { gpus: 1 } })).toThrow('gpus');
  });

  test.each(['', 'a b', 'a/b', 'ä', 'x'.repeat(129)])('refuses the id %j', (work_id) => {
    expect(() => new QueueWorld().apply('add_work', { work_id })).toThrow('work_id');
  });

  test('is conditional: an index of 0 means that the id must be new', () => {
    const world = new QueueWorld();
    expect(world.apply('add_work', { work_id: 'w1' }, { if_index: 0 }).kind).toBe('applied');
    expect(world.apply('add_work', { work_id: 'w1' }, { if_index: 0 })).toMatchObject({
      code: 'precondition-failed',
      about: { index: 1 },
    });
  });
});

describe('dependencies', () => {
  test('an item waits until everything it depends on is completed', () => {
    const world = new QueueWorld().add(['a', 'b']).add('c', { depends_on: ['a', 'b', 'a'] });
    expect(world.row('c')).toMatchObject({ status: 'scheduled', waiting_on: ['a', 'b'] });
    world.do('complete_work', { work_id: 'b', token: world.take('b') });
    expect(world.row('c')).toMatchObject({ status: 'scheduled', waiting_on: ['a'] });
    world.do('complete_work', { work_id: 'a', token: world.take('a') });
    expect(world.row('c')).toMatchObject({ status: 'pending', waiting_on: [] });
  });

  test('an item whose dependencies are completed does not wait', () => {
    const world = new QueueWorld().add('a');
    world.do('complete_work', { work_id: 'a', token: world.take('a') });
    expect(world.add('b', { depends_on: ['a'] }).status('b')).toBe('pending');
  });

  test('an item whose last dependency is completed before its own time goes on waiting for that', () => {
    const world = new QueueWorld().add('a').add('b', { depends_on: ['a'], not_before: DAWN + 500 });
    world.do('complete_work', { work_id: 'a', token: world.take('a') });
    expect(world.status('b')).toBe('scheduled');
    expect(world.pass(500).duties()).toEqual(['activate_work']);
    expect(world.status('b')).toBe('pending');
  });

  test('an item waits for what failed, says so, and goes on once that was retried and completed', () => {
    const world = new QueueWorld().add('a').add('b', { depends_on: ['a'] });
    world.do('fail_work', { work_id: 'a', token: world.take('a'), retryable: false });
    expect(world.row('b')).toMatchObject({ status: 'scheduled', waiting_on: ['a'] });
    expect(world.pass(1e9).duties()).toEqual([]);
    world.do('retry_work', { work_id: 'a' });
    world.do('complete_work', { work_id: 'a', token: world.take('a') });
    expect(world.status('b')).toBe('pending');
  });

  test('an unknown dependency is refused and named', () => {
    expect(new QueueWorld().refused('add_work', { work_id: 'b', depends_on: ['a'] })).toEqual({
      code: 'unknown-dependency',
      about: { work_id: 'a' },
    });
  });

  test('an item cannot wait for itself', () => {
    expect(new QueueWorld().refused('add_work', { work_id: 'a', depends_on: ['a'] })).toEqual({
      code: 'dependency-cycle',
      about: { work_ids: ['a'] },
    });
  });

  test('an id that others still wait for may come back, but not to wait itself', () => {
    const world = new QueueWorld().add('a').add('b', { depends_on: ['a'] });
    world.do('purge_work', { queue: 'default', statuses: ['pending'] });
    expect(world.refused('add_work', { work_id: 'a', depends_on: ['b'] }).code).toBe(
      'dependency-cycle',
    );
    world.add('a');
    world.do('complete_work', { work_id: 'a', token: world.take('a') });
    expect(world.status('b')).toBe('pending');
  });

  test('I8: at most ten thousand items ever wait for one', () => {
    const world = new QueueWorld().add('root');
    for (let batch = 0; batch < DEPENDENTS_MAX / 1000; batch++)
      world.do('add_work_batch', {
        items: Array.from({ length: 1000 }, (_, place) => ({
          work_id: `w${batch}-${place}`,
          depends_on: ['root'],
        })),
      });
    expect(world.row('root').dependents).toBe(DEPENDENTS_MAX);
    expect(world.refused('add_work', { work_id: 'more', depends_on: ['root'] })).toEqual({
      code: 'conflict',
      about: { work_id: 'root', limit: DEPENDENTS_MAX },
    });
    world.do('complete_work', { work_id: 'root', token: world.take('root') });
    expect(world.status('w9-999')).toBe('pending');
  });
});

describe('add_work_batch', () => {
  const batch = (world: QueueWorld, items: readonly object[]) =>
    world.do('add_work_batch', { items }).results as Record<string, unknown>[];

  test('answers each item in its place and adds the others when one is refused', () => {
    const world = new QueueWorld().add('w2');
    const results = batch(world, [{ work_id: 'w1' }, { work_id: 'w2' }, { work_id: 'w3' }]);
    expect(results).toMatchObject([
      { work_id: 'w1', ok: true },
      { work_id: 'w2', ok: false, code: 'exists', about: { status: 'pending' } },
      { work_id: 'w3', ok: true },
    ]);
    expect([world.row('w1').position, world.row('w3').position]).toEqual([0, 2]);
  });

  test('lets items depend on later ones', () => {
    const world = new QueueWorld();
    const results = batch(world, [
      { work_id: 'last', depends_on: ['middle'] },
      { work_id: 'middle', depends_on: ['first'] },
      { work_id: 'first' },
    ]);
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(world.claimIds('n1')).toEqual(['first']);
    expect(world.row('last')).toMatchObject({ status: 'scheduled', position: 0 });
  });

  test('refuses the items of a circle, and those that depend on them', () => {
    const world = new QueueWorld();
    const results = batch(world, [
      { work_id: 'a', depends_on: ['c'] },
      { work_id: 'b', depends_on: ['a'] },
      { work_id: 'c', depends_on: ['b'] },
      { work_id: 'after', depends_on: ['a'] },
      { work_id: 'self', depends_on: ['self'] },
      { work_id: 'before' },
      { work_id: 'tail', depends_on: ['before'] },
    ]);
    expect(results).toMatchObject([
      { code: 'dependency-cycle', about: { work_ids: ['a', 'b', 'c'] } },
      { code: 'dependency-cycle', about: { work_ids: ['a', 'b', 'c'] } },
      { code: 'dependency-cycle', about: { work_ids: ['a', 'b', 'c'] } },
      { code: 'unknown-dependency', about: { work_id: 'a' } },
      { code: 'dependency-cycle', about: { work_ids: ['self'] } },
      { ok: true },
      { ok: true },
    ]);
  });

  test('refuses a second item of the same id, and one that depends on a refused one', () => {
    const world = new QueueWorld().add('old', { unique_key: 'k' });
    const results = batch(world, [
      { work_id: 'twice' },
      { work_id: 'twice' },
      { work_id: 'x', unique_key: 'k' },
      { work_id: 'y', depends_on: ['x'] },
    ]);
    expect(results.map(({ code }) => code)).toEqual([
      undefined,
      'exists',
      'unique-conflict',
      'unknown-dependency',
    ]);
  });

  test('means the first of two items with one id: the second makes no circle', () => {
    const results = batch(new QueueWorld(), [
      { work_id: 'twice' },
      { work_id: 'twice', depends_on: ['x'] },
      { work_id: 'x', depends_on: ['twice'] },
    ]);
    expect(results).toMatchObject([{ ok: true }, { code: 'exists' }, { ok: true }]);
  });

  test('chains a thousand items deep', () => {
    const world = new QueueWorld();
    const items = Array.from({ length: 1000 }, (_, place) => ({
      work_id: `w${place}`,
      depends_on: place === 999 ? [] : [`w${place + 1}`],
    }));
    expect(batch(world, items).every(({ ok }) => ok === true)).toBe(true);
    expect(() => world.apply('add_work_batch', { items: [...items, items[0]] })).toThrow('items');
  });

  test('stops taking items at the hard limit', () => {
    const world = new QueueWorld();
    world.do('set_queue', { queue: 'default', soft: 2, hard: 3, recovery: 1 });
    const results = batch(
      world,
      ['a', 'b', 'c', 'd'].map((work_id) => ({ work_id })),
    );
    expect(results.map(({ code }) => code)).toEqual([
      undefined,
      undefined,
      undefined,
      'backpressure',
    ]);
  });
});

test('I8: there are at most a thousand queues', () => {
  const world = new QueueWorld();
  for (let place = 0; place < QUEUES_MAX; place++) world.add(`w${place}`, { queue: `q${place}` });
  expect(world.refused('add_work', { work_id: 'x', queue: 'one-more' })).toEqual({
    code: 'backpressure',
    about: { limit: QUEUES_MAX, retry_after_seconds: 5 },
  });
  expect(world.refused('pause_queue', { queue: 'one-more' }).code).toBe('backpressure');
  expect(world.refused('set_queue', { queue: 'one-more' }).code).toBe('backpressure');
  expect(world.add('x', { queue: 'q7' }).status('x')).toBe('pending');
});

test('the power a caller asks for in decimals is kept in thousandths', () => {
  const asked = WORK_ITEM.parse({ work_id: 'w', requires: { min_gpu_power: 0.8 } });
  expect(asked.requires).toMatchObject({ min_gpu_power_milli: 800 });
  expect(asked.requires).not.toHaveProperty('min_gpu_power');
  expect(WORK_ITEM.safeParse({ work_id: 'w', requires: { min_gpu_power: 0.0001 } }).success).toBe(
    false,
  );
});
