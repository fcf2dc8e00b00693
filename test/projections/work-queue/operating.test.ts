import { describe, expect, test } from 'vitest';
import { queueView } from '../../../src/projections/work-queue/queries.ts';
import { DAWN } from '../world.ts';
import { QueueWorld } from './queue-world.ts';

describe('cancel_work', () => {
  test('ends an item that waits at once', () => {
    const world = new QueueWorld().add('a').add('b', { not_before: DAWN + 1 });
    world.do('cancel_work', { work_id: 'a', reason: 'why not' });
    world.do('cancel_work', { work_id: 'b' });
    expect(world.row('a')).toMatchObject({ status: 'cancelled', error: 'why not' });
    expect(world.status('b')).toBe('cancelled');
    expect(world.pass(1).claimIds('n1')).toEqual([]);
  });

  test('asks the holder of an item that is held, once', () => {
    const world = new QueueWorld().add('w');
    world.take('w');
    world.do('cancel_work', { work_id: 'w', reason: 'first' });
    expect(world.row('w')).toMatchObject({ status: 'claimed', directive: 'cancel' });
    expect(world.do('cancel_work', { work_id: 'w', reason: 'second' }).facts).toEqual([]);
    expect(world.row('w').error).toBe('first');
  });

  test('ends an item whose claim is over, announced or not', () => {
    const world = new QueueWorld().add('w');
    world.take('w', 'n1', 60);
    world.pass(60_000).do('cancel_work', { work_id: 'w' });
    expect(world.status('w')).toBe('cancelled');
  });

  test('of what is over, or not there, is refused', () => {
    const world = new QueueWorld().add('w');
    world.do('cancel_work', { work_id: 'w' });
    expect(world.refused('cancel_work', { work_id: 'w' }).code).toBe('illegal-transition');
    expect(world.refused('cancel_work', { work_id: 'x' }).code).toBe('not-found');
  });
});

describe('retry_work', () => {
  const dead = (columns: object = {}) => {
    const world = new QueueWorld().add('w', { max_attempts: 1, ...columns });
    world.do('fail_work', { work_id: 'w', token: world.take('w'), error: 'boom' });
    return world;
  };

  test('revives an item with all its attempts', () => {
    const world = dead();
    expect(world.status('w')).toBe('dead');
    world.do('retry_work', { work_id: 'w' });
    expect(world.row('w')).toMatchObject({
      status: 'pending',
      attempts: 0,
      error: null,
      ended_at: null,
      claimed_by: null,
      claim_count: 1,
    });
    expect(world.claimIds('n1')).toEqual(['w']);
  });

  test('excludes the nodes it is told to, or those it excluded before', () => {
    const world = dead({ excluded_nodes: ['n9'] });
    world.do('retry_work', { work_id: 'w', excluded_nodes: ['n1'] });
    expect(world.row('w').excluded_nodes).toEqual(['n1']);
    expect(world.claimIds('n1')).toEqual([]);
    expect(world.claimIds('n9')).toEqual(['w']);
    world.do('fail_work', { work_id: 'w', token: world.row('w').token, retryable: false });
    world.do('retry_work', { work_id: 'w' });
    expect(world.row('w').excluded_nodes).toEqual(['n1']);
  });

  test('goes on waiting for what the item depended on', () => {
    const world = new QueueWorld().add('a').add('b', { depends_on: ['a'] });
    world.do('cancel_work', { work_id: 'b' });
    world.do('retry_work', { work_id: 'b' });
    expect(world.row('b')).toMatchObject({ status: 'scheduled', waiting_on: ['a'] });
  });

  test('knows what was completed while the item was over', () => {
    const world = new QueueWorld().add('a').add('b', { depends_on: ['a'] });
    world.do('cancel_work', { work_id: 'b' });
    world.do('complete_work', { work_id: 'a', token: world.take('a') });
    expect(world.status('b')).toBe('cancelled');
    world.do('retry_work', { work_id: 'b' });
    expect(world.status('b')).toBe('pending');
  });

  test('is refused while another item has the unique key, or the queue is full', () => {
    const world = dead({ unique_key: 'k' }).add('x', { unique_key: 'k' });
    expect(world.refused('retry_work', { work_id: 'w' }).code).toBe('unique-conflict');
    const full = dead().add('x');
    full.do('set_queue', { queue: 'default', soft: 1, hard: 1, recovery: 0 });
    expect(full.refused('retry_work', { work_id: 'w' }).code).toBe('backpressure');
  });

  test('of what is not there is refused', () => {
    expect(new QueueWorld().refused('retry_work', { work_id: 'w' }).code).toBe('not-found');
  });
});

describe('purge_work', () => {
  test('removes what is over, and says what remains', () => {
    const world = new QueueWorld().add(['a', 'b', 'c']).add('other', { queue: 'q' });
    for (const work_id of ['a', 'other']) world.do('cancel_work', { work_id });
    world.do('fail_work', { work_id: 'b', token: world.take('b'), retryable: false });
    expect(world.do('purge_work', { queue: 'default' }).results).toEqual([
      { purged: 2, remaining: 0 },
    ]);
    expect(['a', 'b', 'c', 'other'].filter((id) => world.has(id))).toEqual(['c', 'other']);
  });

  test('removes what waits when it is asked to, so that it is not claimed', () => {
    const world = new QueueWorld().add(['a', 'b']).add('later', { not_before: DAWN + 1 });
    const token = world.take('a');
    world.do('purge_work', { queue: 'default', statuses: ['pending', 'scheduled', 'pending'] });
    expect(world.pass(1).claimIds('n1')).toEqual([]);
    world.do('complete_work', { work_id: 'a', token });
  });

  test('never removes what is held', () => {
    const world = new QueueWorld();
    expect(() => world.apply('purge_work', { queue: 'default', statuses: ['claimed'] })).toThrow(
      'statuses',
    );
  });

  test('I8: removes at most a thousand at a time, in order of arrival', () => {
    const world = new QueueWorld();
    const items = (batch: string) =>
      Array.from({ length: 600 }, (_, place) => ({ work_id: `${batch}${place}` }));
    world.do('add_work_batch', { items: items('a') });
    world.do('add_work_batch', { items: items('b') });
    const purge = { queue: 'default', statuses: ['pending'] };
    expect(world.do('purge_work', purge).results).toEqual([{ purged: 1000, remaining: 200 }]);
    expect([world.has('a0'), world.has('b399'), world.has('b400')]).toEqual([false, false, true]);
    expect(world.do('purge_work', purge).results).toEqual([{ purged: 200, remaining: 0 }]);
    expect(world.do('purge_work', purge).facts).toEqual([]);
  });
});

describe('the level of a queue', () => {
  const levelled = () => {
    const world = new QueueWorld();
    world.do('set_queue', { queue: 'default', soft: 4, hard: 6, recovery: 2 });
    return world;
  };
  const level = (world: QueueWorld) => queueView(world.tables, 'default')?.level;

  test('rises at soft and hard, and falls only where the level below begins', () => {
    const world = levelled();
    const levels: unknown[] = [];
    for (const work_id of ['a', 'b', 'c', 'd', 'e', 'f']) levels.push(level(world.add(work_id)));
    expect(levels).toEqual(['none', 'none', 'none', 'throttle', 'throttle', 'reject']);
    for (let claimed = 0; claimed < 6; claimed++) {
      world.claim('n1');
      levels.push(level(world));
    }
    expect(levels.slice(6)).toEqual(['reject', 'reject', 'throttle', 'none', 'none', 'none']);
  });

  test('refuses further work at reject, and says when to come again', () => {
    const world = levelled().add(['a', 'b', 'c', 'd', 'e', 'f']);
    world.claim('n1');
    expect(world.refused('add_work', { work_id: 'g' })).toEqual({
      code: 'backpressure',
      about: { limit: 6, retry_after_seconds: 5 },
    });
    world.claim('n1', { max: 2 });
    world.add('g');
  });

  test('counts scheduled items too', () => {
    const world = levelled().add(['a', 'b', 'c', 'd'], { not_before: DAWN + 1 });
    expect(level(world)).toBe('throttle');
  });

  test('is announced by a fact', () => {
    const world = levelled().add(['a', 'b', 'c']);
    expect(world.do('add_work', { work_id: 'd' }).facts).toMatchObject([
      { type: 'work_added' },
      { type: 'queue_level_changed', queue: 'default', level: 'throttle' },
    ]);
    expect(
      world.do('purge_work', { queue: 'default', statuses: ['pending'] }).facts.at(-1),
    ).toEqual({ type: 'queue_level_changed', queue: 'default', level: 'none' });
  });

  test('follows new limits at once', () => {
    const world = levelled().add(['a', 'b', 'c']);
    world.do('set_queue', { queue: 'default', soft: 2, hard: 3, recovery: 1 });
    expect(level(world)).toBe('reject');
    world.do('set_queue', { queue: 'default' });
    expect(level(world)).toBe('none');
  });

  test('needs limits that rise', () => {
    const world = new QueueWorld();
    for (const limits of [
      { soft: 5, hard: 4 },
      { recovery: 5, soft: 5 },
    ])
      expect(() => world.apply('set_queue', { queue: 'q', recovery: 1, ...limits })).toThrow(
        'rise',
      );
  });
});

describe('pausing', () => {
  test('is kept, is no news twice, and lets holders finish', () => {
    const world = new QueueWorld().add('w');
    const token = world.take('w');
    expect(world.do('pause_queue', { queue: 'default' }).facts).toHaveLength(1);
    expect(world.do('pause_queue', { queue: 'default' }).facts).toEqual([]);
    world.do('complete_work', { work_id: 'w', token });
    expect(world.add('x').status('x')).toBe('pending');
    expect(world.do('resume_queue', { queue: 'default' }).facts).toHaveLength(1);
    expect(world.do('resume_queue', { queue: 'default' }).facts).toEqual([]);
  });

  test('is conditional on the last change an operator made, not on what happens to items', () => {
    const world = new QueueWorld();
    world.do('pause_queue', { queue: 'default' });
    world.add('w');
    expect(world.apply('resume_queue', { queue: 'default' }, { if_index: 1 }).kind).toBe('applied');
  });

  test('is for operators', () => {
    const { machine } = new QueueWorld();
    const types = ['retry_work', 'purge_work', 'pause_queue', 'resume_queue', 'set_queue'];
    expect(types.map((type) => machine.command(type)?.role)).toEqual(types.map(() => 'operator'));
  });
});
