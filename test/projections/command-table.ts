/**
 * Commands of every registered type, written by hand: names from small pools, so that commands meet each
 * other's rows, and claims aimed at what is held at the moment they are proposed.
 *
 * ```
 *  intent (generated) ──── aimed at the machine as it stands ────▶ data (as the API would propose it)
 * ```
 *
 * A test proves the table complete: a new command type needs its line here.
 */
import * as fc from 'fast-check';
import { ASSIGNMENTS } from '../../src/projections/assignments/assignment-table.ts';
import { GROUPS } from '../../src/projections/groups/group-table.ts';
import { LOCKS } from '../../src/projections/locks/lock-table.ts';
import type { Machine } from '../../src/projections/machine.ts';
import { SESSIONS } from '../../src/projections/sessions.ts';
import { WORK } from '../../src/projections/work-queue/work-table.ts';

export type Data = Readonly<Record<string, unknown>>;

/** How one type of command is made: what is generated, and what is looked up when it is proposed. */
export interface Recipe {
  readonly data: fc.Arbitrary<Data>;
  readonly aim: (machine: Machine, data: Data) => Data;
}

/** Which of the rows that fit a command is aimed at; 0: none, what was generated stands. */
const which = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 1_000 }) },
);
const token = fc.oneof(fc.nat(40), fc.constant(Number.MAX_SAFE_INTEGER));
const tokenOrNone = fc.oneof(token, fc.constant(null));

const owner = fc.constantFrom('ann', 'bob', 'cem');
const node = fc.constantFrom('n1', 'n2', 'n3');
const members = fc.array(fc.record({ id: node, store: node, addresses: fc.constant([]) }), {
  maxLength: 3,
});
const lock = fc.constantFrom('door', 'gate', 'well', 'z');
const queue = fc.constantFrom('default', 'slow', 'q.3');
const job = fc.constantFrom('j1', 'j2', 'j3', 'j4', 'j5');
const group = fc.constantFrom('job/j1', 'job/j2', 'gate/g1');
const workId = fc.integer({ min: 1, max: 14 }).map((number) => `w${number}`);
const session = fc.integer({ min: 1, max: 40 });
const leaseSeconds = fc.constantFrom(1, 20, 60, 600);

/** JSON as callers send it: deep, odd keys, fractions, half a surrogate pair. */
const json: fc.Arbitrary<Data> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  {
    weight: 2,
    arbitrary: fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 3 })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Data>(
      { 10: 'ten', 9: 'nine', a: [0.1, -0, 1e21, 2 ** 53, -(2 ** 33)] },
      { half: '\ud800', 'whole\u0000': '😀', long: 'ü'.repeat(300) },
    ),
  },
);

const text = fc.oneof(fc.constant(''), fc.constantFrom('boom', 'Größe 😀', 'x'.repeat(200)));

const requires = fc.constantFrom<Data>(
  {},
  {},
  {},
  { capabilities: ['cuda', 'avx'] },
  { gpu_models: ['A100'], min_gpus: 1 },
  { min_gpu_milli: 300, cpu_milli: 500 },
  { min_gpu_power_milli: 600, memory_mib: 1_000 },
);

const item = fc.record(
  {
    work_id: workId,
    work_type: fc.constantFrom('selfplay', 'training'),
    queue,
    priority: fc.constantFrom(0, 50, 50, 100),
    config: json,
    max_attempts: fc.integer({ min: 1, max: 3 }),
    timeout_seconds: fc.constantFrom(30, 3600),
    /** How long from now; made a time when it is proposed. */
    not_before: fc.constantFrom(null, null, null, 1, 5_000, 60_000),
    depends_on: fc.oneof(
      { weight: 4, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(workId, { maxLength: 3 }) },
    ),
    requires,
    excluded_nodes: fc.subarray(['n1', 'n2'], { maxLength: 1 }),
    target_node: fc.constantFrom(null, null, null, 'n1', 'n3'),
    unique_key: fc.constantFrom(null, null, null, 'k1', 'k2'),
    group_key: fc.constantFrom(null, 'g1', 'g2', 'g3'),
  },
  { requiredKeys: ['work_id'] },
);

const filter = fc.record(
  {
    queues: fc.constantFrom(['default'], ['slow', 'default'], ['q.3', 'slow', 'default']),
    work_types: fc.constantFrom(null, ['selfplay'], ['training']),
    capabilities: fc.constantFrom([], ['cuda', 'avx']),
    gpu: fc.constantFrom(
      null,
      { model: 'A100-SXM4-80GB', count: 2 },
      { model: 'T4', count: 1, milli: 500 },
    ),
    resources: fc.constantFrom(null, { cpu_milli: 1_500, memory_mib: 4_000 }),
    max: fc.constantFrom(1, 3, 100),
  },
  { requiredKeys: ['queues'] },
);

const HASH = fc.constantFrom('a'.repeat(64), '0'.repeat(64), '12'.repeat(32));

const candidate = fc.record({
  node_id: node,
  gpu_model: fc.constantFrom(null, 'A100', 'T4'),
  gpu_power: fc.constantFrom(250, 800),
  capacity_free: fc.nat(4_000),
  load: fc.constantFrom(0, 500, 800, 801),
  draining: fc.boolean(),
});

const placed = {
  job_id: job,
  job_type: fc.constantFrom('selfplay', 'training'),
  board_type: fc.constant('square8'),
  num_players: fc.integer({ min: 1, max: 4 }),
  config: json,
};

function asGenerated(_machine: Machine, data: Data): Data {
  return data;
}

function recipe(
  data: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  aim: Recipe['aim'] = asGenerated,
): Recipe {
  return { data: fc.record(data), aim };
}

/** Finds what is to be aimed at: rows of a table that are in a state to be spoken of. */
interface Target {
  readonly rows: (machine: Machine) => readonly Data[];
  /** The columns that a command takes over from the row. */
  readonly columns: readonly string[];
}

const JOBS: Target = {
  columns: ['job_id', 'token'],
  rows: ({ tables }) =>
    [...tables.of(ASSIGNMENTS).rows()].filter((row) => row.completed_at === null).map(asData),
};
const HELD_LOCKS: Target = {
  columns: ['name', 'owner', 'token'],
  rows: ({ tables }) => [...tables.of(LOCKS).rows()].map(asData),
};
const HELD_WORK: Target = {
  columns: ['work_id', 'token'],
  rows: ({ tables }) => [...tables.of(WORK).select('by_deadline', [])].map(asData),
};
const SCHEDULED_WORK: Target = {
  columns: ['work_id'],
  rows: ({ tables }) => [...tables.of(WORK).select('ripening', [])].map(asData),
};
const LIVE_GROUPS: Target = {
  columns: ['id', 'incarnation'],
  rows: ({ tables }) =>
    [...tables.of(GROUPS).select('by_state', [])]
      .filter((row) => row.ended_at === null)
      .map(asData),
};
const OPEN_SESSIONS: Target = {
  columns: ['session'],
  rows: ({ tables }) => [...tables.of(SESSIONS).select('by_use', [])].map(asData),
};

function asData(row: object): Data {
  return row as Data;
}

/** The command speaks of a row that is there, unless it was generated to miss. */
function at({ rows, columns }: Target): Recipe['aim'] {
  return (machine, { which, ...data }) => {
    const candidates = which === 0 ? [] : rows(machine);
    const row = candidates[(which as number) % candidates.length];
    if (row === undefined) return data;
    return { ...data, ...Object.fromEntries(columns.map((column) => [column, row[column]])) };
  };
}

/** A delay becomes a time. */
function fromNow({ position }: Machine, data: Data): Data {
  const delay = data['not_before'];
  return typeof delay === 'number' ? { ...data, not_before: position.at + delay } : data;
}

/** The same for every member of a list. */
function each(list: string, aim: Recipe['aim']): Recipe['aim'] {
  return (machine, data) => ({
    ...data,
    [list]: (data[list] as readonly Data[]).map((member) => aim(machine, member)),
  });
}

const several = <Member>(member: fc.Arbitrary<Member>): fc.Arbitrary<Member[]> =>
  fc.array(member, { minLength: 1, maxLength: 4 });

/** The names of sessions, without what they were aimed by. */
function named({ sessions }: Data): readonly unknown[] {
  return (sessions as readonly Data[]).map(({ session: name }) => name);
}

/** A group that lives, as engines name it. */
function ofGroup(machine: Machine, data: Data): Data {
  const { id, ...rest } = at(LIVE_GROUPS)(machine, { id: data['group'], ...data });
  return { ...rest, group: id };
}

/** Every command type of the group `main`. */
export const RECIPES: Readonly<Record<string, Recipe>> = {
  no_op: recipe({ leader_id: node }),
  configuration: recipe({ voters: members, outgoing: members, learners: members }),
  raise_rules_version: recipe({ version: fc.integer({ min: 2, max: 4 }) }),
  state_root: recipe({
    at_index: fc.nat(60),
    digest: HASH,
    roots: fc.dictionary(fc.constantFrom('locks', 'rules'), HASH),
    rules: fc.constant(1),
  }),

  open_session: recipe({}),
  close_session: recipe({ which, session }, at(OPEN_SESSIONS)),
  close_idle_sessions: recipe(
    { sessions: several(fc.record({ which, session })) },
    (machine, data) => ({ sessions: named(each('sessions', at(OPEN_SESSIONS))(machine, data)) }),
  ),

  acquire_lock: recipe({
    name: lock,
    owner,
    ttl_seconds: leaseSeconds,
    lock_delay_seconds: fc.constantFrom(0, 0, 15),
  }),
  renew_lock: recipe({ which, name: lock, owner, token }, at(HELD_LOCKS)),
  release_lock: recipe({ which, name: lock, owner, token: tokenOrNone }, at(HELD_LOCKS)),
  expire_lock: recipe(
    { locks: several(fc.record({ which, name: lock, token })) },
    each('locks', at({ ...HELD_LOCKS, columns: ['name', 'token'] })),
  ),

  assign_job: recipe({ ...placed, node_id: node }),
  place_job: recipe({ ...placed, candidates: fc.array(candidate, { maxLength: 4 }) }),
  start_job: recipe({ which, job_id: job, token }, at(JOBS)),
  complete_job_assignment: recipe({ which, job_id: job, token, result: json }, at(JOBS)),
  fail_job_assignment: recipe({ which, job_id: job, token, error: text }, at(JOBS)),
  reassign_job: recipe({ which, job_id: job, token, node_id: node }, at(JOBS)),

  set_gpu_power: recipe({
    model: fc.constantFrom('A100', 'T4', 'RTX 6000 Ada'),
    power_milli: fc.constantFrom(0, 500, 900),
  }),

  create_group: {
    data: fc
      .record({ id: group, voters: fc.subarray(['n1', 'n2', 'n3']) })
      .map(({ id, voters }) => ({ id, kind: id.slice(0, id.indexOf('/')), voters })),
    aim: asGenerated,
  },
  destroy_group: recipe({ which, id: group }, (machine, data) => {
    const { id } = at({ ...LIVE_GROUPS, columns: ['id'] })(machine, data);
    return { id };
  }),
  create_job_raft: recipe({ job_id: job }),
  destroy_job_raft: recipe({ job_id: job }),
  found_group: recipe(
    {
      which,
      group,
      incarnation: fc.integer({ min: 1, max: 60 }),
      members: fc.constant([{ id: 'n1', store: 's1', addresses: ['n1:1'] }]),
    },
    ofGroup,
  ),
  job_sealed: recipe(
    {
      which,
      group,
      incarnation: fc.integer({ min: 1, max: 60 }),
      index: fc.integer({ min: 1, max: 9 }),
      root: HASH,
    },
    ofGroup,
  ),

  add_work: { data: item, aim: fromNow },
  add_work_batch: recipe(
    { items: fc.array(item, { minLength: 1, maxLength: 8 }) },
    each('items', fromNow),
  ),
  cancel_work: recipe({ work_id: workId, reason: text }),
  claim_work: recipe({
    node_id: node,
    work_id: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, workId),
    filter: fc.oneof({ weight: 5, arbitrary: filter }, fc.constant(null)),
    lease_seconds: leaseSeconds,
  }),
  start_work: recipe({ which, work_id: workId, token: tokenOrNone }, at(HELD_WORK)),
  extend_work: recipe(
    {
      items: several(
        fc.record({ which, work_id: workId, token, lease_seconds: fc.constantFrom(null, 5, 300) }),
      ),
    },
    each('items', at(HELD_WORK)),
  ),
  complete_work: recipe(
    { which, work_id: workId, token: tokenOrNone, result: json },
    at(HELD_WORK),
  ),
  fail_work: recipe(
    {
      which,
      work_id: workId,
      token: tokenOrNone,
      error: text,
      retryable: fc.boolean(),
      delay_seconds: fc.constantFrom(null, 0, 40),
    },
    at(HELD_WORK),
  ),
  release_work: recipe({ which, work_id: workId, token }, at(HELD_WORK)),
  retry_work: recipe({ work_id: workId, excluded_nodes: fc.constantFrom(null, [], ['n2']) }),
  purge_work: recipe({
    queue,
    statuses: fc.subarray(['completed', 'dead', 'pending', 'cancelled'], { minLength: 1 }),
  }),
  pause_queue: recipe({ queue }),
  resume_queue: recipe({ queue }),
  set_queue: recipe({
    queue,
    soft: fc.constantFrom(2, 20),
    hard: fc.constantFrom(20, 30),
    recovery: fc.constantFrom(0, 1),
  }),
  expire_work: recipe(
    { items: several(fc.record({ which, work_id: workId, token })) },
    each('items', at(HELD_WORK)),
  ),
  activate_work: recipe(
    { items: several(fc.record({ which, work_id: workId })) },
    each('items', at(SCHEDULED_WORK)),
  ),
};

/** How often each type is drawn; what is not named here, once. */
const WEIGHTS: Readonly<Record<string, number>> = {
  add_work: 6,
  add_work_batch: 4,
  claim_work: 8,
  acquire_lock: 4,
  assign_job: 2,
  place_job: 2,
  resume_queue: 3,
  start_job: 2,
  activate_work: 2,
  create_group: 2,
  found_group: 3,
  job_sealed: 2,
};

export interface Intent {
  readonly type: string;
  readonly data: Data;
}

export const anyIntent: fc.Arbitrary<Intent> = fc.oneof(
  ...Object.entries(RECIPES).map(([type, { data }]) => ({
    weight: WEIGHTS[type] ?? 1,
    arbitrary: data.map((generated) => ({ type, data: generated })),
  })),
);

/** The command an intent becomes at this machine: aimed, then parsed as the API parses it. */
export function proposed(machine: Machine, { type, data }: Intent): Data {
  const recipeOfType = RECIPES[type];
  const rule = machine.command(type);
  if (recipeOfType === undefined || rule === undefined) return data;
  return rule.schema.parse(recipeOfType.aim(machine, data));
}
