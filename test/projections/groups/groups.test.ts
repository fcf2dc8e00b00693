import { describe, expect, test } from 'vitest';
import {
  ENDED_KEPT_MS,
  GROUPS,
  type GroupRow,
  MAX_GROUPS,
} from '../../../src/projections/groups/group-table.ts';
import { World } from '../world.ts';

const ROOT = 'a'.repeat(64);
const MEMBERS = ['n1', 'n2', 'n3'].map((id) => ({ id, store: `s-${id}`, addresses: [`${id}:1`] }));
const JOB = { id: 'job/42', kind: 'job' } as const;

function row(world: World, id: string = JOB.id): GroupRow | undefined {
  return world.tables.of(GROUPS).get(id);
}

function founded(world = new World()): World {
  world.do('create_group', JOB);
  const incarnation = world.machine.position.index;
  world.do('found_group', { group: JOB.id, incarnation, members: MEMBERS });
  return world;
}

describe('a group', () => {
  test('is named by the index of its creation, and begins with the stores that main knows', () => {
    const world = new World().pass(10);
    world.do('no_op', { leader_id: 'n1' });
    const { results } = world.do('create_group', { ...JOB, voters: ['n3', 'n1', 'n1'] });
    expect(results).toEqual([{ group: 'job/42', incarnation: 2 }]);
    expect(row(world)).toMatchObject({ state: 'created', voters: ['n1', 'n3'], members: [] });
    world.do('found_group', { group: JOB.id, incarnation: 2, members: MEMBERS });
    expect(row(world)).toMatchObject({
      state: 'founded',
      members: MEMBERS,
      voters: ['n1', 'n2', 'n3'],
      changed_index: 3,
    });
  });

  test('is founded once: a second word about its members changes nothing', () => {
    const world = founded();
    const [first] = MEMBERS;
    expect(
      world.do('found_group', { group: JOB.id, incarnation: 1, members: [first] }).facts,
    ).toEqual([]);
    expect(row(world)?.members).toEqual(MEMBERS);
  });

  test('is not created while it is there, and can be conditioned on its last change', () => {
    const world = founded();
    expect(world.refused('create_group', JOB)).toEqual({
      code: 'exists',
      about: { incarnation: 1 },
    });
    expect(world.apply('destroy_group', { id: JOB.id }, { if_index: 1 })).toMatchObject({
      code: 'precondition-failed',
      about: { index: 2 },
    });
  });

  test('bears a name that begins with its kind', () => {
    const world = new World();
    expect(() => world.apply('create_group', { id: 'job/1', kind: 'gate' })).toThrow(
      'begins with the kind',
    );
    expect(() => world.apply('create_group', { id: 'main', kind: 'job' })).toThrow();
  });

  test('is over when its seal is recorded, and saying so again changes nothing', () => {
    const world = founded();
    const said = { group: JOB.id, incarnation: 1, index: 7, root: ROOT };
    world.do('job_sealed', said);
    expect(row(world)).toMatchObject({ state: 'sealed', sealed_index: 7, sealed_root: ROOT });
    expect(world.do('job_sealed', { ...said, index: 8 }).facts).toEqual([]);
    expect(row(world)?.sealed_index).toBe(7);
    expect(world.refused('destroy_group', { id: JOB.id }).code).toBe('not-found');
  });

  test('created again under an old name is another: what is said late of the first does not meet it', () => {
    const world = founded();
    world.do('destroy_group', { id: JOB.id });
    world.do('create_group', JOB);
    expect(row(world)).toMatchObject({ incarnation: 4, state: 'created', ended_at: null });
    const late = { group: JOB.id, incarnation: 1 };
    expect(world.refused('found_group', { ...late, members: MEMBERS }).code).toBe('not-found');
    expect(world.refused('job_sealed', { ...late, index: 1, root: ROOT }).code).toBe('not-found');
  });

  test('of a job is created and destroyed by the verbs of the source system', () => {
    const world = new World();
    world.do('create_job_raft', { job_id: 'j-7' });
    expect(row(world, 'job/j-7')).toMatchObject({ kind: 'job', state: 'created' });
    world.do('destroy_job_raft', { job_id: 'j-7' });
    expect(row(world, 'job/j-7')?.state).toBe('destroyed');
    expect(world.refused('destroy_job_raft', { job_id: 'j-7' }).code).toBe('not-found');
  });

  test('that is over is forgotten after a day, when another begins or ends', () => {
    const world = founded();
    world.do('destroy_group', { id: JOB.id });
    world.pass(ENDED_KEPT_MS - 1).do('create_job_raft', { job_id: 'a' });
    expect(row(world)?.state).toBe('destroyed');
    world.pass(1).do('create_job_raft', { job_id: 'b' });
    expect(row(world)).toBeUndefined();
  });
});

test('trap 28: ten thousand groups live at once, and the next is refused until one is over', () => {
  const world = new World();
  for (let place = 0; place < MAX_GROUPS; place++)
    world.do('create_job_raft', { job_id: `j${place}` });
  expect(world.refused('create_job_raft', { job_id: 'one-more' })).toEqual({
    code: 'group-limit',
    about: { limit: 10_000, retry_after_seconds: 10 },
  });
  expect(world.refused('create_group', JOB).code).toBe('group-limit');
  world.do('destroy_job_raft', { job_id: 'j17' });
  world.do('create_job_raft', { job_id: 'one-more' });
});
