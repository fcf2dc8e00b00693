/** Every status against everything that can be said of an item: what it becomes, or why not. */
import { describe, expect, test } from 'vitest';
import type { RefusalCode } from '../../../src/projections/outcome.ts';
import type { Status } from '../../../src/projections/work-queue/work-table.ts';
import { DAWN } from '../world.ts';
import { QueueWorld } from './queue-world.ts';

/** Commands as the holder, or whoever may, would say them. */
const COMMANDS = {
  claim_work: { node_id: 'n2' },
  start_work: {},
  complete_work: {},
  fail_work: {},
  fail_work_for_good: { retryable: false },
  release_work: {},
  cancel_work: {},
  retry_work: {},
} as const;
type Command = keyof typeof COMMANDS;

/** A status it becomes (or keeps), or the code of the refusal. */
type Expected = Status | RefusalCode;

const OVER = {
  claim_work: 'illegal-transition',
  start_work: 'illegal-transition',
  complete_work: 'illegal-transition',
  fail_work: 'illegal-transition',
  fail_work_for_good: 'illegal-transition',
  release_work: 'illegal-transition',
  cancel_work: 'illegal-transition',
} as const;

const TABLE: Record<Status, Record<Command, Expected>> = {
  scheduled: {
    claim_work: 'conflict',
    start_work: 'stale-token',
    complete_work: 'stale-token',
    fail_work: 'stale-token',
    fail_work_for_good: 'stale-token',
    release_work: 'stale-token',
    cancel_work: 'cancelled',
    retry_work: 'illegal-transition',
  },
  pending: {
    claim_work: 'claimed',
    start_work: 'stale-token',
    complete_work: 'stale-token',
    fail_work: 'stale-token',
    fail_work_for_good: 'stale-token',
    release_work: 'stale-token',
    cancel_work: 'cancelled',
    retry_work: 'illegal-transition',
  },
  claimed: {
    claim_work: 'already-claimed',
    start_work: 'running',
    complete_work: 'completed',
    fail_work: 'scheduled',
    fail_work_for_good: 'failed',
    release_work: 'pending',
    cancel_work: 'claimed',
    retry_work: 'illegal-transition',
  },
  running: {
    claim_work: 'already-claimed',
    start_work: 'illegal-transition',
    complete_work: 'completed',
    fail_work: 'scheduled',
    fail_work_for_good: 'failed',
    release_work: 'pending',
    cancel_work: 'running',
    retry_work: 'illegal-transition',
  },
  completed: { ...OVER, retry_work: 'illegal-transition' },
  failed: { ...OVER, retry_work: 'pending' },
  cancelled: { ...OVER, retry_work: 'pending' },
  timeout: { ...OVER, retry_work: 'pending' },
  dead: { ...OVER, retry_work: 'pending' },
};

/** How an item comes to each status. */
const REACHED: Record<Status, (world: QueueWorld) => void> = {
  scheduled: (world) => void world.add('w', { not_before: DAWN + 1e9 }),
  pending: (world) => void world.add('w'),
  claimed: (world) => void world.add('w').take('w'),
  running: (world) => world.do('start_work', { work_id: 'w', token: world.add('w').take('w') }),
  completed: (world) =>
    world.do('complete_work', { work_id: 'w', token: world.add('w').take('w') }),
  failed: (world) =>
    world.do('fail_work', { work_id: 'w', token: world.add('w').take('w'), retryable: false }),
  cancelled: (world) => world.add('w').do('cancel_work', { work_id: 'w' }),
  timeout: (world) => {
    world.add('w', { max_attempts: 1 }).take('w');
    world.pass(60_000).duties();
  },
  dead: (world) => {
    const token = world.add('w', { max_attempts: 1 }).take('w');
    world.do('fail_work', { work_id: 'w', token });
  },
};

function reached(status: Status): QueueWorld {
  const world = new QueueWorld();
  REACHED[status](world);
  expect(world.status('w')).toBe(status);
  return world;
}

/** What became of it. */
function said(world: QueueWorld, command: Command): Expected {
  const type = command === 'fail_work_for_good' ? 'fail_work' : command;
  const token = world.row('w').token ?? 1;
  const outcome = world.apply(type, { work_id: 'w', token, ...COMMANDS[command] });
  return outcome.kind === 'refused' ? outcome.code : world.row('w').status;
}

const CELLS = Object.entries(TABLE).flatMap(([status, row]) =>
  Object.entries(row).map(([command, expected]) => ({ status, command, expected })),
) as { status: Status; command: Command; expected: Expected }[];

describe('an item', () => {
  test.each(CELLS)('that is $status answers $command with $expected', (cell) => {
    const world = reached(cell.status);
    expect(said(world, cell.command)).toBe(cell.expected);
  });

  test.each(CELLS.filter(({ expected }) => expected.includes('-')))(
    'that is $status is not changed by $command',
    (cell) => {
      const world = reached(cell.status);
      const before = world.row('w');
      said(world, cell.command);
      expect(world.row('w')).toEqual(before);
    },
  );

  test('knows every status and every command, 72 cells', () => {
    expect(CELLS).toHaveLength(72);
  });
});
