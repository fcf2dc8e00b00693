import { describe, expect, test } from 'vitest';
import { GRACE_MS } from '../../../src/projections/term-start.ts';
import { DAWN } from '../world.ts';
import { QueueWorld } from './queue-world.ts';

describe('a claim that is over', () => {
  test('I7: is announced, and the item offered again while attempts are left', () => {
    const world = new QueueWorld().add('w', { max_attempts: 2 });
    world.take('w', 'n1', 60);
    expect(world.pass(59_999).duties()).toEqual([]);
    expect(world.pass(1).duties()).toEqual(['expire_work']);
    expect(world.row('w')).toMatchObject({
      status: 'pending',
      error: 'lease-expired',
      claimed_by: null,
      attempts: 1,
    });
  });

  test('ends the item as timeout when it was the last attempt', () => {
    const world = new QueueWorld().add('w', { max_attempts: 1, timeout_seconds: 10 });
    const token = world.take('w', 'n1', 60);
    world.do('start_work', { work_id: 'w', token });
    world.pass(10_000).duties();
    expect(world.row('w')).toMatchObject({
      status: 'timeout',
      error: 'timeout',
      ended_at: DAWN + 10_000,
      claimed_by: 'n1',
    });
  });

  test('ends an item to be cancelled as cancelled', () => {
    const world = new QueueWorld().add('w');
    world.take('w', 'n1', 60);
    world.do('cancel_work', { work_id: 'w', reason: 'enough' });
    world.pass(60_000).duties();
    expect(world.row('w')).toMatchObject({ status: 'cancelled', error: 'enough' });
  });

  test('is rechecked: one that was extended, or is another by now, stays', () => {
    const world = new QueueWorld().add('w');
    const token = world.take('w', 'n1', 60);
    const expiry = { items: [{ work_id: 'w', token }] };
    expect(world.do('expire_work', expiry).facts).toEqual([]);
    const again = world.pass(60_000).take('w', 'n2');
    expect(world.pass(60_000).do('expire_work', expiry).facts).toEqual([]);
    expect(world.row('w')).toMatchObject({ claimed_by: 'n2', token: again });
    expect(world.do('expire_work', { items: [{ work_id: 'gone', token }] }).facts).toEqual([]);
  });

  test('cannot be announced by a client', () => {
    const { machine } = new QueueWorld();
    expect(machine.command('expire_work')?.origin).toBe('duty');
    expect(machine.command('activate_work')?.origin).toBe('duty');
  });
});

describe('after a change of leader', () => {
  test('nothing expires until holders had time to find the new leader', () => {
    const world = new QueueWorld().add(['a', 'b']);
    const token = world.take('a', 'n1', 60);
    world.pass(120_000).elect().add('c');
    expect(world.duties()).toEqual([]);
    const { results } = world.do('extend_work', { items: [{ work_id: 'a', token }] });
    expect(results).toMatchObject([{ ok: true }]);
  });

  test('the grace is no longer than the lease', () => {
    const world = new QueueWorld().add(['long', 'short']);
    world.take('long', 'n1', 60);
    world.take('short', 'n1', 2);
    world.pass(60_000).elect().add('c');
    expect(world.machine.due(world.now)).toEqual({ duties: [], next_at: world.now + 2000 });
    world.pass(2000).duties();
    expect([world.status('long'), world.status('short')]).toEqual(['claimed', 'pending']);
    expect(world.pass(GRACE_MS - 2000).duties()).toEqual(['expire_work']);
    expect(world.status('long')).toBe('pending');
  });

  test('who is refused for a claim in its grace is told the seconds it has left', () => {
    const world = new QueueWorld().add('w');
    world.take('w', 'n1', 60);
    world.pass(60_000).elect().add('c');
    expect(world.refused('claim_work', { node_id: 'n2', work_id: 'w' }).about).toMatchObject({
      expires_in: GRACE_MS / 1000,
    });
  });
});

describe('what is due', () => {
  test('is nothing, and never, in a queue without deadlines', () => {
    const { machine } = new QueueWorld().add('w');
    expect(machine.due(DAWN)).toEqual({ duties: [], next_at: undefined });
  });

  test('is asked for again at the soonest of deadlines and starts', () => {
    const world = new QueueWorld().add('w').add('later', { not_before: DAWN + 5000 });
    expect(world.machine.due(world.now).next_at).toBe(DAWN + 5000);
    world.take('w', 'n1', 3);
    expect(world.machine.due(world.now).next_at).toBe(DAWN + 3000);
  });

  test('is a start whose time has come, never of an item that waits for another', () => {
    const world = new QueueWorld().add('a').add('w', { not_before: DAWN + 5000 });
    world.add('blocked', { not_before: DAWN + 5000, depends_on: ['a'] });
    expect(world.pass(5000).machine.due(world.now)).toEqual({
      duties: [{ type: 'activate_work', data: { items: [{ work_id: 'w' }] } }],
      next_at: world.now,
    });
    world.duties();
    expect([world.status('w'), world.status('blocked')]).toEqual(['pending', 'scheduled']);
  });

  test('rechecks a start: an item that is not ripe, or gone, stays as it is', () => {
    const world = new QueueWorld().add('w', { not_before: DAWN + 5000 });
    const items = [{ work_id: 'w' }, { work_id: 'gone' }];
    expect(world.do('activate_work', { items }).facts).toEqual([]);
    expect(world.status('w')).toBe('scheduled');
  });

  test('I8: is worked off a thousand at a time', () => {
    const world = new QueueWorld();
    for (const batch of [0, 1])
      world.do('add_work_batch', {
        items: Array.from({ length: 600 }, (_, place) => ({
          work_id: `w${batch}-${place}`,
          not_before: DAWN + 1,
        })),
      });
    world.pass(1);
    const [duty] = world.machine.due(world.now).duties;
    expect(duty?.data['items']).toHaveLength(1000);
    expect([world.duties(), world.duties(), world.duties()]).toEqual([
      ['activate_work'],
      ['activate_work'],
      [],
    ]);
    expect(world.status('w1-599')).toBe('pending');
  });
});
