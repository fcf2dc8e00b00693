/** What went wrong in the systems before this one. */
import { describe, expect, test } from 'vitest';
import { queueView } from '../../../src/projections/work-queue/queries.ts';
import { QueueWorld } from './queue-world.ts';

describe('late and stale words', () => {
  test('trap 10: an item that is completed cannot be failed', () => {
    const world = new QueueWorld().add('w');
    const token = world.take('w');
    world.do('complete_work', { work_id: 'w', token, result: { games: 1 } });
    expect(world.refused('fail_work', { work_id: 'w', token }).code).toBe('illegal-transition');
    expect(world.row('w')).toMatchObject({ status: 'completed', result: { games: 1 } });
  });

  test('trap 10: a claimer whose item was claimed again cannot complete it', () => {
    const world = new QueueWorld().add('w');
    const stale = world.take('w', 'slow', 60);
    world.pass(60_000).duties();
    const token = world.take('w', 'quick');
    expect(world.refused('complete_work', { work_id: 'w', token: stale })).toEqual({
      code: 'stale-token',
      about: { holder: 'quick', token },
    });
    expect(world.row('w')).toMatchObject({ status: 'claimed', claimed_by: 'quick', result: null });
    world.do('complete_work', { work_id: 'w', token });
  });

  test('trap 10: a failure said twice counts once', () => {
    const world = new QueueWorld().add('w', { max_attempts: 1 });
    const token = world.take('w');
    world.do('fail_work', { work_id: 'w', token });
    expect(world.refused('fail_work', { work_id: 'w', token }).code).toBe('illegal-transition');
    expect(queueView(world.tables, 'default')?.totals).toMatchObject({ dead: 1, failed: 0 });
  });

  test('trap 10: an expiry and a failure of the same attempt count once', () => {
    const world = new QueueWorld().add('w', { max_attempts: 2 });
    const token = world.take('w', 'n1', 60);
    world.pass(60_000).duties();
    expect(world.refused('fail_work', { work_id: 'w', token }).code).toBe('stale-token');
    expect(world.row('w')).toMatchObject({ status: 'pending', attempts: 1 });
  });
});

test('trap 12: a claim of one item never ends in another', () => {
  const world = new QueueWorld().add('asked').add('best', { priority: 100 });
  world.take('asked', 'n1');
  expect(world.refused('claim_work', { node_id: 'n2', work_id: 'asked' }).code).toBe(
    'already-claimed',
  );
  expect(world.status('best')).toBe('pending');
});

describe('attempts', () => {
  test('trap 27: an item that failed as often as it may is dead, and nobody can claim it', () => {
    const world = new QueueWorld().add('w', { max_attempts: 2 });
    world.do('fail_work', { work_id: 'w', token: world.take('w'), delay_seconds: 0 });
    world.do('fail_work', {
      work_id: 'w',
      token: world.take('w'),
      error: 'again',
      delay_seconds: 0,
    });
    expect(world.row('w')).toMatchObject({ status: 'dead', attempts: 2, error: 'again' });
    expect(world.pass(1e9).claimIds('n1')).toEqual([]);
    expect(world.refused('claim_work', { node_id: 'n1', work_id: 'w' }).code).toBe(
      'illegal-transition',
    );
  });

  test('trap 27: an item that expired as often as it may is over, and nobody can claim it', () => {
    const world = new QueueWorld().add('w', { max_attempts: 2 });
    for (const lease of [1, 1]) {
      world.take('w', 'n1', lease);
      world.pass(1000).duties();
    }
    expect(world.row('w')).toMatchObject({ status: 'timeout', attempts: 2 });
    expect(world.claimIds('n1')).toEqual([]);
  });
});
