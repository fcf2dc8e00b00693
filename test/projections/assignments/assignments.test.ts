import { describe, expect, test } from 'vitest';
import {
  assignmentStatistics,
  assignmentView,
  listAssignments,
} from '../../../src/projections/assignments/assignment-queries.ts';
import {
  ACTIVE_MAX,
  ASSIGNMENTS,
  type AssignmentStatus,
  ENDED_KEPT_MS,
  ENDED_MAX,
  STATUSES,
} from '../../../src/projections/assignments/assignment-table.ts';
import { assignments } from '../../../src/projections/assignments/assignments.ts';
import {
  type Candidate,
  CANDIDATES_MAX,
  explainPlacement,
  LOAD_MILLI_MAX,
  PLACEMENTS,
  rankCandidates,
} from '../../../src/projections/assignments/placement.ts';
import type { Outcome } from '../../../src/projections/outcome.ts';
import { rules } from '../../../src/projections/rules.ts';
import { sessions } from '../../../src/projections/sessions.ts';
import { expectDerivedFromRows, factsOf, stateOf, Timeline, tokenOf } from '../timeline.ts';

function timeline(): Timeline {
  return new Timeline({ projections: [rules, sessions, assignments] });
}

function assign(time: Timeline, job_id = 'j', node_id = 'n1'): Outcome {
  return time.apply('assign_job', { job_id, node_id });
}

function view(time: Timeline, job_id = 'j'): ReturnType<typeof assignmentView> {
  return assignmentView(time.machine.tables, job_id);
}

const STRONG: Candidate = {
  node_id: 'strong',
  gpu_model: 'H100',
  gpu_power: 1000,
  capacity_free: 2000,
  load: 100,
  draining: false,
};

describe('assigning', () => {
  test('a job goes to the named node, with the defaults of the sources and the index as token', () => {
    const time = timeline();
    time.apply('open_session');
    expect(factsOf(assign(time))).toEqual([
      {
        type: 'job_assigned',
        job_id: 'j',
        node_id: 'n1',
        token: 2,
        job_type: 'selfplay',
        board_type: 'square8',
        num_players: 2,
        config: {},
      },
    ]);
    expect(view(time)).toMatchObject({ status: 'assigned', assigned_at: time.at, token: 2 });
  });

  test('a job that is known, ended or not, is not assigned again', () => {
    const time = timeline();
    const token = tokenOf(assign(time));
    expect(assign(time, 'j', 'n2')).toMatchObject({ code: 'exists', about: { node_id: 'n1' } });
    time.apply('complete_job_assignment', { job_id: 'j', token });
    expect(assign(time)).toMatchObject({ code: 'exists' });
  });

  test(`I8: beyond ${ACTIVE_MAX} jobs that have not ended, another is refused with backpressure`, () => {
    const time = timeline();
    fill(time, ACTIVE_MAX);
    expect(assign(time, 'one-more')).toMatchObject({
      code: 'backpressure',
      about: { limit: ACTIVE_MAX },
    });
    time.apply('complete_job_assignment', { job_id: 'j1', token: 1 });
    expect(assign(time, 'one-more').kind).toBe('applied');
  });
});

/** Assigns j1 … j<count> without keeping the entries. */
function fill(time: Timeline, count: number): void {
  const job = { board_type: 'square8', job_type: 'selfplay', num_players: 2, config: {} };
  for (let place = 1; place <= count; place++)
    time.machine.apply({
      type: 'assign_job',
      data: { ...job, job_id: `j${place}`, node_id: 'n1' },
      index: time.machine.position.index + 1,
      term: 1,
      at: time.at,
    });
}

describe('placing', () => {
  test('nodes rank by power times free capacity, then by id; loaded and draining ones not at all', () => {
    const ranked = rankCandidates([
      { ...STRONG, node_id: 'b', gpu_power: 500 },
      { ...STRONG, node_id: 'over', load: LOAD_MILLI_MAX + 1 },
      { ...STRONG, node_id: 'a', gpu_power: 500 },
      { ...STRONG, node_id: 'just', load: LOAD_MILLI_MAX, capacity_free: 100 },
      { ...STRONG, node_id: 'leaving', draining: true },
      STRONG,
    ]);
    expect(ranked.map(({ node_id }) => node_id)).toEqual(['strong', 'a', 'b', 'just']);
  });

  test(`I8: no more than ${CANDIDATES_MAX} candidates are ranked or accepted`, () => {
    const nodes = Array.from({ length: CANDIDATES_MAX + 1 }, (_, place) => ({
      ...STRONG,
      node_id: `n${place}`,
    }));
    expect(rankCandidates(nodes)).toHaveLength(CANDIDATES_MAX);
    expect(() => timeline().apply('place_job', { job_id: 'j', candidates: nodes })).toThrow();
  });

  test('the job goes to the first candidate that may take it, and the choice can be explained', () => {
    const time = timeline();
    const candidates = [
      { ...STRONG, node_id: 'leaving', draining: true },
      { ...STRONG, node_id: 'busy', load: 900 },
      STRONG,
      { ...STRONG, node_id: 'weak', gpu_power: 100 },
    ];
    const facts = factsOf(time.apply('place_job', { job_id: 'j', candidates }));
    expect(facts.map(({ type }) => type)).toEqual(['job_assigned', 'job_placed']);
    expect(view(time)).toMatchObject({ node_id: 'strong', token: 1 });
    const explained = explainPlacement(time.machine.tables, 'j');
    expect(explained).toMatchObject({ job_id: 'j', chosen: 'strong', placed_index: 1 });
    expect(
      explained?.candidates.map(({ node_id, verdict, score }) => [node_id, verdict, score]),
    ).toEqual([
      ['leaving', 'draining', 2_000_000],
      ['busy', 'overloaded', 2_000_000],
      ['strong', 'chosen', 2_000_000],
      ['weak', 'ranked lower', 200_000],
    ]);
  });

  test('with no candidate that may take it the job is refused', () => {
    const time = timeline();
    const candidates = [{ ...STRONG, draining: true }];
    expect(time.apply('place_job', { job_id: 'j', candidates })).toMatchObject({
      code: 'conflict',
      about: { candidates: 1 },
    });
    expect(time.apply('place_job', { job_id: 'j', candidates: [] })).toMatchObject({
      code: 'conflict',
    });
  });

  test('a known job is not placed again, and a job assigned by name has nothing to explain', () => {
    const time = timeline();
    assign(time);
    expect(time.apply('place_job', { job_id: 'j', candidates: [STRONG] })).toMatchObject({
      code: 'exists',
    });
    expect(explainPlacement(time.machine.tables, 'j')).toBeUndefined();
  });
});

type HolderCommand =
  'start_job' | 'complete_job_assignment' | 'fail_job_assignment' | 'reassign_job';

const TRANSITIONS: Readonly<
  Record<AssignmentStatus, Readonly<Record<HolderCommand, AssignmentStatus | 'illegal-transition'>>>
> = {
  assigned: {
    start_job: 'running',
    complete_job_assignment: 'completed',
    fail_job_assignment: 'failed',
    reassign_job: 'assigned',
  },
  running: {
    start_job: 'illegal-transition',
    complete_job_assignment: 'completed',
    fail_job_assignment: 'failed',
    reassign_job: 'assigned',
  },
  completed: {
    start_job: 'illegal-transition',
    complete_job_assignment: 'illegal-transition',
    fail_job_assignment: 'illegal-transition',
    reassign_job: 'illegal-transition',
  },
  failed: {
    start_job: 'illegal-transition',
    complete_job_assignment: 'illegal-transition',
    fail_job_assignment: 'illegal-transition',
    reassign_job: 'illegal-transition',
  },
};

const WAYS: Readonly<Record<AssignmentStatus, readonly HolderCommand[]>> = {
  assigned: [],
  running: ['start_job'],
  completed: ['start_job', 'complete_job_assignment'],
  failed: ['fail_job_assignment'],
};

const COMMANDS = Object.keys(TRANSITIONS.assigned) as HolderCommand[];
const CELLS = STATUSES.flatMap((status) =>
  COMMANDS.map((type) => [type, status, TRANSITIONS[status][type]] as const),
);

describe('the word of the holder', () => {
  test.each(CELLS)('%s of a job that is %s: %s', (type, status, expected) => {
    const time = timeline();
    const token = tokenOf(assign(time));
    for (const way of WAYS[status]) time.apply(way, { job_id: 'j', token });
    const outcome = time.apply(type, { job_id: 'j', token, node_id: 'n2' });
    if (outcome.kind === 'refused') expect(outcome.code).toBe(expected);
    else expect(view(time)?.status).toBe(expected);
  });

  test.each(COMMANDS)('I5: %s with a stale token changes nothing and names the holder', (type) => {
    const time = timeline();
    const stale = tokenOf(assign(time));
    const token = tokenOf(time.apply('reassign_job', { job_id: 'j', token: stale, node_id: 'n2' }));
    const before = view(time);
    for (const wrong of [stale, token + 1])
      expect(time.apply(type, { job_id: 'j', token: wrong, node_id: 'n3' })).toMatchObject({
        code: 'stale-token',
        about: { holder: 'n2', token },
      });
    expect(view(time)).toBe(before);
  });

  test.each(COMMANDS)('%s of an unknown job is not found', (type) => {
    expect(timeline().apply(type, { job_id: 'j', token: 1, node_id: 'n' })).toMatchObject({
      code: 'not-found',
    });
  });

  test('times, result and error are kept', () => {
    const time = timeline();
    const token = tokenOf(assign(time));
    const assigned_at = time.at;
    time.pass(10);
    time.apply('start_job', { job_id: 'j', token });
    time.pass(10);
    time.apply('complete_job_assignment', { job_id: 'j', token, result: { games: 3 } });
    expect(view(time)).toMatchObject({
      assigned_at,
      started_at: assigned_at + 10,
      completed_at: assigned_at + 20,
      result: { games: 3 },
      error: null,
    });
    const other = tokenOf(assign(time, 'k'));
    time.apply('fail_job_assignment', { job_id: 'k', token: other, error: 'lost' });
    expect(view(time, 'k')).toMatchObject({ completed_at: time.at, result: null, error: 'lost' });
  });

  test('a reassigned job begins anew on its new node, with a new token', () => {
    const time = timeline();
    const token = tokenOf(assign(time));
    time.apply('start_job', { job_id: 'j', token });
    time.pass(10);
    const moved = time.apply('reassign_job', { job_id: 'j', token, node_id: 'n2' });
    expect(factsOf(moved)).toMatchObject([{ from_node_id: 'n1', node_id: 'n2', token: 3 }]);
    expect(view(time)).toMatchObject({
      status: 'assigned',
      assigned_at: time.at,
      started_at: null,
      reassigned_count: 1,
    });
    expect(assignmentStatistics(time.machine.tables).by_node).toEqual({
      n2: { active: 1, total: 1 },
    });
  });

  test('a conditional command is refused once the assignment has changed', () => {
    const time = timeline();
    const token = tokenOf(assign(time));
    time.apply('start_job', { job_id: 'j', token });
    const complete = { job_id: 'j', token };
    expect(time.apply('complete_job_assignment', complete, { if_index: 1 })).toMatchObject({
      code: 'precondition-failed',
    });
    expect(time.apply('complete_job_assignment', complete, { if_index: 2 }).kind).toBe('applied');
  });
});

describe('what is asked', () => {
  function story(): Timeline {
    const time = timeline();
    const nodes = ['n1', 'n2', 'n1', 'n1'];
    for (const [place, node_id] of nodes.entries()) assign(time, `j${place}`, node_id);
    time.apply('start_job', { job_id: 'j2', token: 3 });
    time.apply('complete_job_assignment', { job_id: 'j3', token: 4 });
    return time;
  }

  test('lists are by node, by status, by both, or of all, in pages', () => {
    const { tables } = story().machine;
    const ids = (filter: object, limit = 10): readonly string[] =>
      listAssignments(tables, filter, { after: undefined, limit }).rows.map(({ job_id }) => job_id);
    expect(ids({})).toEqual(['j0', 'j1', 'j2', 'j3']);
    expect(ids({ status: 'assigned' })).toEqual(['j0', 'j1']);
    expect(ids({ node_id: 'n1' })).toEqual(['j0', 'j3', 'j2']);
    expect(ids({ node_id: 'n1', status: 'running' })).toEqual(['j2']);
    const { rows, next } = listAssignments(tables, {}, { after: undefined, limit: 3 });
    expect(rows).toHaveLength(3);
    const rest = listAssignments(tables, {}, { after: next, limit: 3 });
    expect(rest.rows.map(({ job_id }) => job_id)).toEqual(['j3']);
    expect(rest.next).toBeUndefined();
  });

  test('statistics count by status and, per node, what is active and what is known', () => {
    expect(assignmentStatistics(story().machine.tables)).toEqual({
      total: 4,
      by_status: { assigned: 2, running: 1, completed: 1, failed: 0 },
      by_node: { n1: { active: 2, total: 3 }, n2: { active: 1, total: 1 } },
    });
  });
});

describe('I8: ended assignments are trimmed by folds', () => {
  test('those older than a day of log time go, a few with each entry, with their placements', () => {
    const time = timeline();
    for (let place = 0; place < 20; place++) {
      const token = tokenOf(time.apply('place_job', { job_id: `j${place}`, candidates: [STRONG] }));
      time.apply('complete_job_assignment', { job_id: `j${place}`, token });
    }
    time.pass(ENDED_KEPT_MS - 1);
    assign(time, 'k0');
    expect(time.machine.tables.of(ASSIGNMENTS).size).toBe(21);
    time.pass(1);
    assign(time, 'k1');
    expect(time.machine.tables.of(ASSIGNMENTS).size).toBe(22 - 8);
    expect(time.machine.tables.of(PLACEMENTS).size).toBe(20 - 8);
    expect(view(time, 'j0')).toBeUndefined();
    assign(time, 'k2');
    assign(time, 'k3');
    expect(time.machine.tables.of(PLACEMENTS).size).toBe(0);
    expectDerivedFromRows(time.machine);
    expect(stateOf(time.folded())).toEqual(stateOf(time.machine));
  });

  test(`of more than ${ENDED_MAX} the oldest goes, whatever its age; what has not ended stays`, () => {
    const time = timeline();
    const ends = ENDED_MAX + 3;
    assign(time, 'active');
    for (let place = 1; place <= ends; place++) {
      const index = time.machine.position.index + 1;
      const job = { board_type: 'square8', job_type: 'selfplay', num_players: 2, config: {} };
      const at = time.at + place;
      time.machine.apply({
        type: 'assign_job',
        data: { ...job, job_id: `j${place}`, node_id: 'n1' },
        index,
        term: 1,
        at,
      });
      time.machine.apply({
        type: 'fail_job_assignment',
        data: { job_id: `j${place}`, token: index, error: '' },
        index: index + 1,
        term: 1,
        at,
      });
    }
    expect(time.machine.tables.of(ASSIGNMENTS).index('by_end').size).toBe(ENDED_MAX);
    expect(['j3', 'j4', 'active'].map((job_id) => view(time, job_id) !== undefined)).toEqual([
      false,
      true,
      true,
    ]);
  });
});
