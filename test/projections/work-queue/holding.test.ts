import { describe, expect, test } from 'vitest';
import { backoffMs } from '../../../src/projections/work-queue/backoff.ts';
import { DAWN } from '../world.ts';
import { QueueWorld } from './queue-world.ts';

const HELD_COMMANDS = ['start_work', 'complete_work', 'fail_work', 'release_work'] as const;

describe('the holder of an item', () => {
  test.each(HELD_COMMANDS)('%s of what is not there is refused', (type) => {
    expect(new QueueWorld().refused(type, { work_id: 'w', token: 1 }).code).toBe('not-found');
  });

  test.each(HELD_COMMANDS)('I5: %s needs the current token', (type) => {
    const world = new QueueWorld().add('w');
    const token = world.take('w');
    for (const other of [token - 1, token + 1, Number.MAX_SAFE_INTEGER])
      expect(world.refused(type, { work_id: 'w', token: other })).toEqual({
        code: 'stale-token',
        about: { holder: 'n1', token },
      });
    expect(world.row('w')).toMatchObject({ status: 'claimed', token });
  });

  test.each(HELD_COMMANDS)('I5: %s of what nobody holds is refused', (type) => {
    const world = new QueueWorld().add('w');
    expect(world.refused(type, { work_id: 'w', token: 1 })).toEqual({
      code: 'stale-token',
      about: { holder: null, token: null },
    });
  });

  test.each(HELD_COMMANDS)('I5: %s past the deadline is refused, announced or not', (type) => {
    const world = new QueueWorld().add('w');
    const token = world.take('w', 'n1', 60);
    expect(world.pass(60_000).refused(type, { work_id: 'w', token })).toEqual({
      code: 'stale-token',
      about: { holder: 'n1', token, reason: 'expired' },
    });
    expect(world.duties()).toEqual(['expire_work']);
    expect(world.refused(type, { work_id: 'w', token }).about).toEqual({
      holder: null,
      token: null,
    });
  });

  test.each(['start_work', 'complete_work', 'fail_work'] as const)(
    '%s without a token is believed while the item was claimed only once',
    (type) => {
      const world = new QueueWorld().add('w');
      expect(world.refused(type, { work_id: 'w' }).code).toBe('stale-token');
      world.take('w');
      expect(world.apply(type, { work_id: 'w' }).kind).toBe('applied');
    },
  );

  test.each(['start_work', 'complete_work', 'fail_work'] as const)(
    '%s without a token is refused once the item was claimed twice',
    (type) => {
      const world = new QueueWorld().add('w');
      world.do('release_work', { work_id: 'w', token: world.take('w') });
      const token = world.take('w', 'n2');
      expect(world.refused(type, { work_id: 'w', token: null })).toEqual({
        code: 'stale-token',
        about: { holder: 'n2', token },
      });
    },
  );

  test('release_work and extend_work are never believed without a token', () => {
    const world = new QueueWorld();
    expect(() => world.apply('release_work', { work_id: 'w' })).toThrow('token');
    expect(() => world.apply('extend_work', { items: [{ work_id: 'w' }] })).toThrow('token');
  });
});

describe('start_work', () => {
  test('notes when the item began to run', () => {
    const world = new QueueWorld().add('w');
    const token = world.take('w');
    world.pass(5).do('start_work', { work_id: 'w', token });
    expect(world.row('w')).toMatchObject({ status: 'running', started_at: DAWN + 5, token });
  });

  test('is refused for an item that is to be cancelled, so that it does not begin', () => {
    const world = new QueueWorld().add('w');
    const token = world.take('w');
    world.do('cancel_work', { work_id: 'w' });
    expect(world.refused('start_work', { work_id: 'w', token })).toEqual({
      code: 'illegal-transition',
      about: { status: 'claimed', directive: 'cancel' },
    });
  });
});

describe('extend_work', () => {
  test('starts the lease anew, as long as before or as asked', () => {
    const world = new QueueWorld().add(['a', 'b']);
    const claims = world.claim('n1', { max: 2 }, 60);
    const [a, b] = claims.map(({ work_id, token }) => ({ work_id, token }));
    const { results } = world
      .pass(30_000)
      .do('extend_work', { items: [a, { ...b, lease_seconds: 5 }] });
    expect(results).toEqual([
      { work_id: 'a', ok: true, deadline_at: DAWN + 90_000, directive: 'none' },
      { work_id: 'b', ok: true, deadline_at: DAWN + 35_000, directive: 'none' },
    ]);
    expect(world.row('a').deadline_at).toBe(DAWN + 90_000);
  });

  test('answers item by item: one that is lost does not touch the others', () => {
    const world = new QueueWorld().add(['a', 'b']);
    const token = world.take('a');
    const { results } = world.do('extend_work', {
      items: [
        { work_id: 'b', token },
        { work_id: 'a', token },
        { work_id: 'c', token },
      ],
    });
    expect(results).toMatchObject([
      { work_id: 'b', ok: false, code: 'stale-token', about: { holder: null } },
      { work_id: 'a', ok: true },
      { work_id: 'c', ok: false, code: 'not-found' },
    ]);
  });

  test('never extends past the time the item may take', () => {
    const world = new QueueWorld().add('w', { timeout_seconds: 100 });
    const token = world.take('w', 'n1', 60);
    const { results } = world.pass(50_000).do('extend_work', { items: [{ work_id: 'w', token }] });
    expect(results).toMatchObject([{ deadline_at: DAWN + 100_000 }]);
  });

  test('tells the holder that its item is to be cancelled', () => {
    const world = new QueueWorld().add('w');
    const token = world.take('w');
    world.do('cancel_work', { work_id: 'w' });
    const { results } = world.do('extend_work', { items: [{ work_id: 'w', token }] });
    expect(results).toMatchObject([{ ok: true, directive: 'cancel' }]);
    expect(world.status('w')).toBe('claimed');
  });

  test('takes up to a thousand items', () => {
    const items = Array.from({ length: 1001 }, (_, place) => ({ work_id: `w${place}`, token: 1 }));
    const world = new QueueWorld();
    expect(() => world.apply('extend_work', { items })).toThrow('items');
    expect(world.do('extend_work', { items: items.slice(1) }).results.length).toBe(1000);
  });
});

describe('complete_work', () => {
  test.each([false, true])('keeps the result of an item, started: %s', (started) => {
    const world = new QueueWorld().add('w');
    const token = world.take('w');
    if (started) world.do('start_work', { work_id: 'w', token });
    world.pass(7).do('complete_work', { work_id: 'w', token, result: { games: 12 } });
    expect(world.row('w')).toMatchObject({
      status: 'completed',
      result: { games: 12 },
      error: null,
      ended_at: DAWN + 7,
      claimed_by: 'n1',
    });
  });

  test('of an item to be cancelled completes it: the work was done before the word arrived', () => {
    const world = new QueueWorld().add('w');
    const token = world.take('w');
    world.do('cancel_work', { work_id: 'w' });
    world.do('complete_work', { work_id: 'w', token });
    expect(world.row('w')).toMatchObject({ status: 'completed', directive: 'none' });
  });
});

describe('fail_work', () => {
  test('offers the item again after the backoff of its attempt', () => {
    const world = new QueueWorld().add('w');
    world.do('fail_work', { work_id: 'w', token: world.take('w'), error: 'boom' });
    const delay = backoffMs('w', 1);
    expect(world.row('w')).toMatchObject({
      status: 'scheduled',
      error: 'boom',
      not_before: DAWN + delay,
      claimed_by: null,
      token: null,
      attempts: 1,
    });
    expect(world.pass(delay - 1).claimIds('n1')).toEqual([]);
    expect(world.pass(1).claimIds('n1')).toEqual(['w']);
  });

  test('waits exactly as long as the holder says', () => {
    const world = new QueueWorld().add(['a', 'b']);
    world.do('fail_work', { work_id: 'a', token: world.take('a'), delay_seconds: 90 });
    world.do('fail_work', { work_id: 'b', token: world.take('b'), delay_seconds: 0 });
    expect(world.row('a').not_before).toBe(DAWN + 90_000);
    expect(world.status('b')).toBe('pending');
  });

  test('ends the item as failed when it is not to be tried again', () => {
    const world = new QueueWorld().add('w');
    world.do('fail_work', { work_id: 'w', token: world.take('w'), retryable: false, error: 'no' });
    expect(world.row('w')).toMatchObject({ status: 'failed', error: 'no', ended_at: DAWN });
  });

  test('ends an item to be cancelled as cancelled, for the reason given', () => {
    const world = new QueueWorld().add('w');
    const token = world.take('w');
    world.do('cancel_work', { work_id: 'w', reason: 'no longer wanted' });
    world.do('fail_work', { work_id: 'w', token, error: 'killed' });
    expect(world.row('w')).toMatchObject({ status: 'cancelled', error: 'no longer wanted' });
  });
});

describe('release_work', () => {
  test('gives the attempt back with the item', () => {
    const world = new QueueWorld().add('w', { max_attempts: 1 });
    for (let round = 1; round <= 3; round++) {
      world.do('release_work', { work_id: 'w', token: world.take('w') });
      expect(world.row('w')).toMatchObject({ status: 'pending', attempts: 0, claim_count: round });
    }
  });

  test('ends an item to be cancelled as cancelled', () => {
    const world = new QueueWorld().add('w');
    const token = world.take('w');
    world.do('cancel_work', { work_id: 'w', reason: 'enough' });
    world.do('release_work', { work_id: 'w', token });
    expect(world.row('w')).toMatchObject({ status: 'cancelled', error: 'enough' });
  });
});

describe('the backoff', () => {
  test('doubles from a second to five minutes, with up to a quarter more', () => {
    for (let attempt = 1; attempt <= 1000; attempt++) {
      const base = Math.min(300_000, 1000 * 2 ** (attempt - 1));
      const delay = backoffMs('w1', attempt);
      expect(Number.isInteger(delay)).toBe(true);
      expect(delay).toBeGreaterThanOrEqual(base);
      expect(delay).toBeLessThanOrEqual(base * 1.25);
    }
  });

  test('parts items that failed together, and is the same for the same attempt', () => {
    const delays = new Set(Array.from({ length: 100 }, (_, place) => backoffMs(`w${place}`, 3)));
    expect(delays.size).toBeGreaterThan(50);
    expect(backoffMs('w1', 1)).toBe(backoffMs('w1', 1));
  });
});
