/** Any command about a small world of work: few ids, so that they meet. */
import * as fc from 'fast-check';
import type { Outcome } from '../../../src/projections/outcome.ts';
import { WORK } from '../../../src/projections/work-queue/work-table.ts';
import { DAWN } from '../world.ts';
import type { QueueWorld } from './queue-world.ts';

/** What is done to a world; undefined where it is no command. */
export type Step = (world: QueueWorld) => Outcome | undefined;

const workId = fc.integer({ min: 0, max: 11 }).map((place) => `w${place}`);
const nodeId = fc.constantFrom('n1', 'n2', 'n3');
const queue = fc.constantFrom('default', 'q2');
const leaseSeconds = fc.constantFrom(1, 5, 60);
const requires = fc.constantFrom(
  {},
  {},
  { capabilities: ['x'] },
  { gpu_models: ['A100'], min_gpus: 1 },
  { min_gpu_milli: 300 },
  { min_gpu_power_milli: 500, cpu_milli: 700 },
  { cpu_milli: 500, memory_mib: 10 },
);

export const anyItem = fc.record({
  work_id: workId,
  work_type: fc.constantFrom('selfplay', 'training'),
  queue,
  priority: fc.constantFrom(0, 10, 50, 50, 50),
  max_attempts: fc.integer({ min: 1, max: 3 }),
  timeout_seconds: fc.constantFrom(3, 3600),
  not_before: fc.constantFrom(null, null, null, DAWN + 20_000, DAWN + 60_000),
  depends_on: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    fc.array(workId, { maxLength: 3 }),
  ),
  requires,
  excluded_nodes: fc.subarray(['n1', 'n2'], { maxLength: 1 }),
  target_node: fc.constantFrom(null, null, null, 'n1', 'n3'),
  unique_key: fc.constantFrom(null, null, null, 'k1', 'k2'),
  group_key: fc.constantFrom(null, 'g1', 'g2', 'g3'),
});

export const anyFilter = fc.record({
  queues: fc.constantFrom(['default'], ['q2'], ['default', 'q2']),
  work_types: fc.constantFrom(null, null, ['selfplay'], ['training']),
  capabilities: fc.constantFrom([], ['x']),
  gpu: fc.constantFrom(
    null,
    { model: 'A100-SXM4-80GB', count: 2, milli: 1000 },
    { model: 'T4', count: 1, milli: 1000 },
    { model: 'A100', count: 4, milli: 700 },
  ),
  resources: fc.constantFrom(null, { cpu_milli: 1500, memory_mib: 25 }),
  max: fc.constantFrom(1, 2, 5, 100),
});

/** The token a caller presents: the current one, none, or one that is not it. */
type Presented = 'current' | 'none' | 'older' | 'never';
const presented = fc.constantFrom<Presented[]>(
  'current',
  'current',
  'current',
  'none',
  'older',
  'never',
);

function tokenFor(world: QueueWorld, work_id: string, how: Presented): number | null {
  const current = world.tables.of(WORK).get(work_id)?.token ?? 1;
  return { current, none: null, older: current - 1, never: Number.MAX_SAFE_INTEGER }[how];
}

const said = (type: string, rest: fc.Arbitrary<object> = fc.constant({})): fc.Arbitrary<Step> =>
  fc.tuple(workId, presented, rest).map(([work_id, how, more]) => (world) => {
    const token = tokenFor(world, work_id, how);
    const isNeeded = type === 'release_work' && token === null;
    return world.apply(type, { work_id, token: isNeeded ? 1 : token, ...more });
  });

const command = (type: string, data: fc.Arbitrary<object>): fc.Arbitrary<Step> =>
  data.map((columns) => (world) => world.apply(type, columns));

const steps: readonly (readonly [weight: number, step: fc.Arbitrary<Step>])[] = [
  [8, command('add_work', anyItem)],
  [
    2,
    command(
      'add_work_batch',
      fc.record({ items: fc.array(anyItem, { minLength: 1, maxLength: 8 }) }),
    ),
  ],
  [
    8,
    command(
      'claim_work',
      fc.record({ node_id: nodeId, filter: anyFilter, lease_seconds: leaseSeconds }),
    ),
  ],
  [
    4,
    command(
      'claim_work',
      fc.record({ node_id: nodeId, work_id: workId, lease_seconds: leaseSeconds }),
    ),
  ],
  [3, said('start_work')],
  [4, said('complete_work')],
  [
    4,
    said(
      'fail_work',
      fc.record({
        error: fc.constant('boom'),
        retryable: fc.boolean(),
        delay_seconds: fc.constantFrom(null, 0, 2),
      }),
    ),
  ],
  [3, said('release_work')],
  [
    3,
    fc.tuple(workId, presented, leaseSeconds).map(([work_id, how, lease_seconds]) => (world) => {
      const token = tokenFor(world, work_id, how) ?? 1;
      return world.apply('extend_work', { items: [{ work_id, token, lease_seconds }] });
    }),
  ],
  [2, command('cancel_work', fc.record({ work_id: workId, reason: fc.constant('unwanted') }))],
  [
    2,
    command(
      'retry_work',
      fc.record({ work_id: workId, excluded_nodes: fc.constantFrom(null, [], ['n2']) }),
    ),
  ],
  [
    1,
    command(
      'purge_work',
      fc.record({ queue, statuses: fc.constantFrom(['completed', 'dead'], ['pending']) }),
    ),
  ],
  [1, command('pause_queue', fc.record({ queue }))],
  [2, command('resume_queue', fc.record({ queue }))],
  [
    1,
    command(
      'set_queue',
      fc.record({
        queue,
        soft: fc.constantFrom(3, 50),
        hard: fc.constantFrom(50, 60),
        recovery: fc.constantFrom(0, 2),
      }),
    ),
  ],
  [
    1,
    command(
      'set_gpu_power',
      fc.record({
        model: fc.constantFrom('A100', 'T4'),
        power_milli: fc.constantFrom(100, 600),
      }),
    ),
  ],
  [
    5,
    fc.constantFrom(1, 500, 2000, 30_000, 90_000).map((milliseconds) => (world: QueueWorld) => {
      world.pass(milliseconds);
      return undefined;
    }),
  ],
  [
    3,
    fc.constant((world: QueueWorld) => {
      world.duties();
      return undefined;
    }),
  ],
  [
    1,
    fc.constant((world: QueueWorld) => {
      world.elect();
      return undefined;
    }),
  ],
];

export const anySteps = (maxLength: number): fc.Arbitrary<Step[]> =>
  fc.array(fc.oneof(...steps.map(([weight, arbitrary]) => ({ weight, arbitrary }))), {
    maxLength,
    size: 'max',
  });
