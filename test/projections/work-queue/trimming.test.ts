import { describe, expect, test } from 'vitest';
import { ENDED_KEPT_MS, ENDED_MAX } from '../../../src/projections/work-queue/facts.ts';
import { WORK } from '../../../src/projections/work-queue/work-table.ts';
import { QueueWorld } from './queue-world.ts';

const end = (world: QueueWorld, work_id: string) =>
  world.add(work_id).do('cancel_work', { work_id });

describe('items that are over', () => {
  test('I8: go a day after they ended, oldest first, at most ten with each that ends', () => {
    const world = new QueueWorld();
    for (let place = 0; place < 15; place++) end(world, `old${place}`);
    world.pass(ENDED_KEPT_MS - 1);
    end(world, 'young');
    expect(world.has('old0')).toBe(true);
    world.pass(1);
    end(world, 'x');
    expect([world.has('old9'), world.has('old10')]).toEqual([false, true]);
    end(world, 'y');
    expect([world.has('old14'), world.has('young'), world.has('y')]).toEqual([false, true, true]);
  });

  test('never go while they wait or are held', () => {
    const world = new QueueWorld().add(['waits', 'held']);
    world.take('held', 'n1', 86_400);
    world.pass(2 * ENDED_KEPT_MS);
    end(world, 'x');
    expect([world.has('waits'), world.has('held')]).toEqual([true, true]);
  });

  test('stay met for those who waited, and are unknown to those who come later', () => {
    const world = new QueueWorld().add(['a', 'b']).add('c', { depends_on: ['a', 'b'] });
    world.do('complete_work', { work_id: 'a', token: world.take('a') });
    world.pass(ENDED_KEPT_MS);
    end(world, 'x');
    expect(world.has('a')).toBe(false);
    expect(world.refused('add_work', { work_id: 'd', depends_on: ['a'] }).code).toBe(
      'unknown-dependency',
    );
    world.do('complete_work', { work_id: 'b', token: world.take('b') });
    expect(world.status('c')).toBe('pending');
  });

  test('do not keep what they waited for from being completed, when that is what trims them', () => {
    const world = new QueueWorld().add('a').add('b', { depends_on: ['a'] });
    world.do('cancel_work', { work_id: 'b' });
    world.pass(ENDED_KEPT_MS + 1);
    world.do('complete_work', { work_id: 'a', token: world.take('a') });
    expect([world.status('a'), world.has('b')]).toEqual(['completed', false]);
  });

  test('I8: are at most a hundred thousand, oldest gone first', () => {
    const world = new QueueWorld();
    end(world, 'first');
    const first = world.row('first');
    // As a snapshot would bring them.
    const [work] = world.machine.allTables().filter(({ definition }) => definition === WORK);
    for (let place = 1; place < ENDED_MAX; place++)
      work?.restore(`w${place}`, { ...first, work_id: `w${place}`, changed_index: place + 2 });
    world.add(['x', 'y']);
    for (const work_id of ['x', 'y']) world.do('cancel_work', { work_id });
    expect(world.tables.of(WORK).count('status', 'cancelled')).toBe(ENDED_MAX);
    expect(['first', 'w1', 'w2', 'x', 'y'].map((id) => world.has(id))).toEqual([
      false,
      false,
      true,
      true,
      true,
    ]);
  });
});
