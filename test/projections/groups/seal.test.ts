import { describe, expect, test } from 'vitest';
import { sealOf } from '../../../src/projections/groups/seal.ts';
import { GROUP_PROJECTIONS } from '../../../src/projections/registry.ts';
import { World } from '../world.ts';

const LOCK = { name: 'door', owner: 'ann', ttl_seconds: 5 };

function sealedWorld(): World {
  const world = new World({ projections: GROUP_PROJECTIONS.job });
  world.do('acquire_lock', LOCK);
  world.do('seal', {});
  return world;
}

describe('a sealed group', () => {
  test('refuses everything a client asks for, another seal as well', () => {
    const world = sealedWorld();
    const refusal = { code: 'sealed', about: { sealed_index: 2 } };
    expect(world.refused('release_lock', { name: 'door', owner: 'ann', token: 1 })).toEqual(
      refusal,
    );
    expect(world.refused('open_session', {})).toEqual(refusal);
    expect(world.refused('seal', {})).toEqual(refusal);
    expect(sealOf(world.tables)).toMatchObject({ sealed_index: 2 });
  });

  test('has nothing due: what it held is over with it', () => {
    const world = sealedWorld().pass(60_000);
    expect(world.machine.due(world.now)).toEqual({ duties: [], next_at: undefined });
  });

  test('goes on to take what its engine says, so that a new leader can commit', () => {
    const world = sealedWorld().elect();
    expect(world.apply('no_op', { leader_id: 'n2' }).kind).toBe('applied');
  });

  test('I4: still answers a retry with what it led to', () => {
    const world = new World({ projections: GROUP_PROJECTIONS.job });
    const once = { once: { key: 'k', print: 'p' } };
    world.apply('acquire_lock', LOCK, once);
    world.do('seal', {});
    expect(world.apply('acquire_lock', LOCK, once)).toEqual({ kind: 'replayed', of: 1 });
  });
});

test('a group that has no seal among its projections is never closed', () => {
  const world = new World();
  expect(world.machine.command('seal')).toBeUndefined();
  expect(world.apply('open_session', {}).kind).toBe('applied');
});
