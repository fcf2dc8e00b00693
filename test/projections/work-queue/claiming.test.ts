import { describe, expect, test } from 'vitest';
import { claimable } from '../../../src/projections/work-queue/claiming.ts';
import { LANES } from '../../../src/projections/work-queue/lanes.ts';
import { claimerOf, matchesShape } from '../../../src/projections/work-queue/shape.ts';
import { CLAIM_FILTER } from '../../../src/projections/work-queue/work-item.ts';
import { DAWN } from '../world.ts';
import { QueueWorld } from './queue-world.ts';

describe('claim order', () => {
  test('is priority, then arrival', () => {
    const world = new QueueWorld().add('low', { priority: 10 }).add(['a', 'b']);
    world.add('high', { priority: 90 });
    expect(world.claimIds('n1')).toEqual(['high', 'a', 'b', 'low']);
  });

  test('within a batch is the place in the batch, whatever the ids', () => {
    const world = new QueueWorld();
    world.do('add_work_batch', { items: [{ work_id: 'z' }, { work_id: 'y' }, { work_id: 'x' }] });
    expect(world.claimIds('n1')).toEqual(['z', 'y', 'x']);
  });

  test('goes round the groups: the one served longest ago is next', () => {
    const world = new QueueWorld().add(['a1', 'a2', 'a3'], { group_key: 'a' });
    world.add(['b1', 'b2'], { group_key: 'b' }).add(['u1', 'u2']);
    expect(world.claimIds('n1', { max: 4 })).toEqual(['a1', 'b1', 'u1', 'a2']);
    expect(world.claimIds('n1')).toEqual(['b2', 'u2', 'a3']);
  });

  test('remembers turns of groups that had nothing left for a while', () => {
    const world = new QueueWorld().add('a1', { group_key: 'a' });
    world.claimIds('n1');
    world.add('a2', { group_key: 'a' }).add('b1', { group_key: 'b' });
    expect(world.claimIds('n1')).toEqual(['b1', 'a2']);
  });

  test('counts a turn of a group whatever shape its items have', () => {
    const world = new QueueWorld().add(['a1', 'a2'], { group_key: 'a' });
    world.add('a3', { group_key: 'a', work_type: 'training' }).add('b1', { group_key: 'b' });
    expect(world.claimIds('n1', { work_types: ['training'] })).toEqual(['a3']);
    expect(world.claimIds('n1')).toEqual(['b1', 'a1', 'a2']);
  });

  test('never puts fairness above priority', () => {
    const world = new QueueWorld().add(['a1', 'a2'], { group_key: 'a', priority: 60 });
    world.add('b1', { group_key: 'b' });
    expect(world.claimIds('n1')).toEqual(['a1', 'a2', 'b1']);
  });
});

describe('a claim by filter', () => {
  test('gives nothing where there is nothing, and changes nothing', () => {
    expect(new QueueWorld().do('claim_work', { node_id: 'n1' })).toEqual({
      facts: [],
      results: [],
    });
  });

  test('grants a lease under the token of its entry, the same for all items of it', () => {
    const world = new QueueWorld().add(['a', 'b']);
    const claims = world.claim('n1', { max: 2 }, 30);
    expect(claims).toEqual([
      { work_id: 'a', token: 3, attempt: 1, deadline_at: DAWN + 30_000 },
      { work_id: 'b', token: 3, attempt: 1, deadline_at: DAWN + 30_000 },
    ]);
    expect(world.row('a')).toMatchObject({
      status: 'claimed',
      claimed_by: 'n1',
      token: 3,
      claim_count: 1,
      attempts: 1,
      claimed_at: DAWN,
      lease_ms: 30_000,
      deadline_at: DAWN + 30_000,
      directive: 'none',
    });
  });

  test('gives at most what was asked for', () => {
    const world = new QueueWorld().add(['a', 'b', 'c']);
    expect(world.claim('n1').length).toBe(1);
    expect(world.claim('n1', { max: 2 }).length).toBe(2);
    expect(() => world.apply('claim_work', { node_id: 'n1', filter: { max: 101 } })).toThrow('max');
  });

  test('never grants longer than the item may take', () => {
    const world = new QueueWorld().add('a', { timeout_seconds: 10 });
    expect(world.claim('n1', {}, 60)[0]?.deadline_at).toBe(DAWN + 10_000);
  });

  test('looks only at the queues it names', () => {
    const world = new QueueWorld().add('a').add('b', { queue: 'other' });
    expect(world.claimIds('n1', { queues: ['other'] })).toEqual(['b']);
    expect(world.claimIds('n1', { queues: ['other', 'default', 'default'] })).toEqual(['a']);
  });

  test('gives nothing of a paused queue', () => {
    const world = new QueueWorld().add('a').add('b', { queue: 'other' });
    world.do('pause_queue', { queue: 'default' });
    expect(world.claimIds('n1', { queues: ['default', 'other'] })).toEqual(['b']);
    world.do('resume_queue', { queue: 'default' });
    expect(world.claimIds('n1')).toEqual(['a']);
  });

  test('offers what has ripened, so that a late duty hides no work', () => {
    const world = new QueueWorld().add('a', { not_before: DAWN + 100 });
    expect(world.claimIds('n1')).toEqual([]);
    world.pass(100);
    expect(world.claimIds('n1')).toEqual(['a']);
  });

  test.each([
    ['a work type not asked for', { work_type: 'training' }, { work_types: ['selfplay'] }],
    ['a capability it lacks', { requires: { capabilities: ['x', 'y'] } }, { capabilities: ['x'] }],
    ['work for another node', { target_node: 'n2' }, {}],
    ['work it is excluded from', { excluded_nodes: ['n0', 'n1'] }, {}],
    ['work for a GPU when it has none', { requires: { min_gpus: 1 } }, {}],
    ['more GPUs than it has', { requires: { min_gpus: 3 } }, { gpu: { model: 'H100', count: 2 } }],
    ['a GPU model it is not', { requires: { gpu_models: ['A10'] } }, { gpu: { model: 'A100' } }],
    [
      'a stronger GPU than it has',
      { requires: { min_gpu_power_milli: 801 } },
      { gpu: { model: 'A100' } },
    ],
    [
      'a larger share than its best GPU has',
      { requires: { min_gpu_milli: 501 } },
      { gpu: { model: 'A100', milli: 500 } },
    ],
    [
      'a whole GPU when even the best is partly taken',
      { requires: { min_gpus: 1 } },
      { gpu: { model: 'A100', count: 4, milli: 999 } },
    ],
    ['an amount of CPU when it does not say what it has', { requires: { cpu_milli: 1 } }, {}],
    [
      'more memory than it has',
      { requires: { memory_mib: 1025 } },
      { resources: { cpu_milli: 0, memory_mib: 1024 } },
    ],
  ])('is not given %s', (_what, columns, filter) => {
    const world = new QueueWorld().add('a', columns);
    const parsed = CLAIM_FILTER.parse(filter);
    expect(claimable(world.tables, world.moment, 'n1', parsed)).toBe(false);
    expect(matchesShape(world.row('a').shape, claimerOf(world.tables, 'n1', parsed))).toBe(false);
    expect(world.claimIds('n1', filter)).toEqual([]);
  });

  test.each([
    ['any work type when it names none', { work_type: 'gauntlet' }, {}],
    ['what it is capable of', { requires: { capabilities: ['x'] } }, { capabilities: ['y', 'x'] }],
    ['work for itself', { target_node: 'n1' }, {}],
    [
      'a GPU model by a longer name',
      { requires: { gpu_models: ['A100'] } },
      { gpu: { model: 'A100-SXM4-80GB' } },
    ],
    [
      'a GPU just strong enough',
      { requires: { min_gpu_power_milli: 800 } },
      { gpu: { model: 'A100' } },
    ],
    [
      'a share that is left',
      { requires: { min_gpu_milli: 500 } },
      { gpu: { model: 'A100', milli: 500 } },
    ],
    [
      'a share of a whole GPU',
      { requires: { min_gpu_milli: 1, min_gpus: 1 } },
      { gpu: { model: 'T4' } },
    ],
    [
      'exactly what it has',
      { requires: { cpu_milli: 500, memory_mib: 64, min_gpus: 2 } },
      { resources: { cpu_milli: 500, memory_mib: 64 }, gpu: { model: 'T4', count: 2 } },
    ],
  ])('is given %s', (_what, columns, filter) => {
    const world = new QueueWorld().add('a', columns);
    const parsed = CLAIM_FILTER.parse(filter);
    expect(claimable(world.tables, world.moment, 'n1', parsed)).toBe(true);
    expect(matchesShape(world.row('a').shape, claimerOf(world.tables, 'n1', parsed))).toBe(true);
    expect(world.claimIds('n1', filter)).toEqual(['a']);
  });

  test('looks at items that require the same once, in whatever order they list it', () => {
    const world = new QueueWorld();
    world.add('a', { requires: { capabilities: ['x', 'y', 'x'] }, excluded_nodes: ['n8', 'n9'] });
    world.add('b', { requires: { capabilities: ['y', 'x'] }, excluded_nodes: ['n9', 'n8'] });
    world.add('c', { requires: { capabilities: ['y'] }, excluded_nodes: ['n9', 'n8'] });
    expect(world.row('a').shape).toBe(world.row('b').shape);
    expect(world.row('a').shape).not.toBe(world.row('c').shape);
    expect(world.tables.of(LANES).size).toBe(2);
  });

  test('passes over what does not fit for what does', () => {
    const world = new QueueWorld().add('big', { priority: 90, requires: { min_gpus: 8 } });
    world.add('small', { requires: { min_gpus: 1 } });
    expect(world.claimIds('n1', { gpu: { model: 'T4' } })).toEqual(['small']);
  });

  test('takes what each item needs from what is left for the next', () => {
    const world = new QueueWorld().add(['a', 'b', 'c'], {
      requires: { cpu_milli: 400, memory_mib: 100 },
    });
    const resources = { cpu_milli: 1000, memory_mib: 1000 };
    expect(world.claimIds('n1', { resources })).toEqual(['a', 'b']);
    expect(world.claimIds('n1', { resources: { cpu_milli: 1000, memory_mib: 99 } })).toEqual([]);
  });

  test('breaks into whole GPUs one by one for shares', () => {
    const world = new QueueWorld().add(['a', 'b', 'c'], { requires: { min_gpu_milli: 600 } });
    world
      .add('whole', { requires: { min_gpus: 1 } })
      .add('rest', { requires: { min_gpu_milli: 400 } });
    expect(world.claimIds('n1', { gpu: { model: 'A100', count: 2 } })).toEqual(['a', 'b', 'rest']);
    expect(world.claimIds('n1', { gpu: { model: 'A100', count: 2 } })).toEqual(['c', 'whole']);
  });

  test('is refused fields it does not know', () => {
    expect(() =>
      new QueueWorld().apply('claim_work', { node_id: 'n1', filter: { capability: ['x'] } }),
    ).toThrow('capability');
  });
});

describe('claimable', () => {
  const filter = CLAIM_FILTER.parse({});

  test('sees what has ripened but was not announced', () => {
    const world = new QueueWorld().add('a', { not_before: DAWN + 10 });
    expect(claimable(world.tables, world.moment, 'n1', filter)).toBe(false);
    expect(claimable(world.tables, world.pass(10).moment, 'n1', filter)).toBe(true);
    expect(world.claimIds('n1')).toEqual(['a']);
  });

  test('sees nothing of a paused queue, pending or ripe', () => {
    const world = new QueueWorld().add('a').add('b', { not_before: DAWN + 10 });
    world.do('pause_queue', { queue: 'default' });
    expect(claimable(world.tables, world.pass(10).moment, 'n1', filter)).toBe(false);
  });
});

describe('a claim by name', () => {
  test('takes that item, never another', () => {
    const world = new QueueWorld().add('best', { priority: 100 }).add('named');
    world.take('named');
    expect([world.status('best'), world.status('named')]).toEqual(['pending', 'claimed']);
  });

  test('of what is not there is refused', () => {
    expect(new QueueWorld().refused('claim_work', { node_id: 'n1', work_id: 'w' }).code).toBe(
      'not-found',
    );
  });

  test('of what is held is refused with holder, token and the seconds left', () => {
    const world = new QueueWorld().add('w');
    const token = world.take('w', 'n1', 60);
    expect(world.pass(1).refused('claim_work', { node_id: 'n2', work_id: 'w' })).toEqual({
      code: 'already-claimed',
      about: { holder: 'n1', token, expires_in: 60 },
    });
    expect(world.pass(59_998).refused('claim_work', { node_id: 'n2', work_id: 'w' }).about).toEqual(
      { holder: 'n1', token, expires_in: 1 },
    );
  });

  test('of what is held past its deadline takes it, announced or not', () => {
    const world = new QueueWorld().add('w');
    const token = world.take('w', 'n1', 60);
    const again = world.pass(60_000).take('w', 'n2');
    expect(again).toBeGreaterThan(token);
    expect(world.row('w')).toMatchObject({ claimed_by: 'n2', attempts: 2, claim_count: 2 });
  });

  test('of what was lost with its last attempt, or is to be cancelled, is refused', () => {
    const world = new QueueWorld().add('last', { max_attempts: 1 }).add('unwanted');
    world.take('last', 'n1', 60);
    world.take('unwanted', 'n1', 60);
    world.do('cancel_work', { work_id: 'unwanted' });
    world.pass(60_000);
    const named = (work_id: string) => world.refused('claim_work', { node_id: 'n2', work_id });
    expect(named('last')).toEqual({ code: 'illegal-transition', about: { status: 'timeout' } });
    expect(named('unwanted')).toEqual({
      code: 'illegal-transition',
      about: { status: 'cancelled' },
    });
  });

  test('of what is over is refused', () => {
    const world = new QueueWorld().add('w');
    world.do('cancel_work', { work_id: 'w' });
    expect(world.refused('claim_work', { node_id: 'n1', work_id: 'w' })).toEqual({
      code: 'illegal-transition',
      about: { status: 'cancelled' },
    });
  });

  test.each([
    ['paused', {}, { queue: 'default', reason: 'paused' }],
    ['not-before', { not_before: DAWN + 1 }, { not_before: DAWN + 1, reason: 'not-before' }],
    ['target-node', { target_node: 'n2' }, { reason: 'target-node' }],
    ['excluded-node', { excluded_nodes: ['n1'] }, { reason: 'excluded-node' }],
    ['dependencies', { depends_on: ['d'] }, { reason: 'dependencies', waiting_on: ['d'] }],
  ])('is refused with the reason %s', (reason, columns, about) => {
    const world = new QueueWorld().add('d').add('w', columns);
    if (reason === 'paused') world.do('pause_queue', { queue: 'default' });
    expect(world.refused('claim_work', { node_id: 'n1', work_id: 'w' })).toEqual({
      code: 'conflict',
      about,
    });
  });

  test('vouches for what the item requires, unless it says what it has', () => {
    const world = new QueueWorld().add('w', { requires: { capabilities: ['x'], cpu_milli: 5 } });
    const named = { node_id: 'n1', work_id: 'w' };
    expect(world.refused('claim_work', { ...named, filter: {} }).about).toEqual({
      reason: 'capabilities',
    });
    expect(
      world.refused('claim_work', { ...named, filter: { capabilities: ['x'] } }).about,
    ).toEqual({ reason: 'resources' });
    world.take('w');
    expect(world.status('w')).toBe('claimed');
  });

  test('takes a scheduled item whose time has come', () => {
    const world = new QueueWorld().add('w', { not_before: DAWN + 5 }).pass(5);
    world.take('w');
    expect(world.status('w')).toBe('claimed');
  });

  test('counts as a turn of the group', () => {
    const world = new QueueWorld()
      .add(['a1', 'a2'], { group_key: 'a' })
      .add('b1', { group_key: 'b' });
    world.take('a1');
    expect(world.claimIds('n1')).toEqual(['b1', 'a2']);
  });
});
