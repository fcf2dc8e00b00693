/**
 * The work queue: items that wait, are claimed for a lease, done once, and tried again when they are not.
 *
 * ```
 *              time, dependencies                 start
 *  scheduled ─────────────────────▶ pending ─┬─▶ claimed ──▶ running
 *      ▲                              ▲   claim     │  │        │ │
 *      │                              │             └──┴───┬────┘ │
 *      │                              ├── release, expiry ─┤      │ complete (from both)
 *      ├───────── fail: backoff ──────┼───────────────────┤      ▼
 *      │                              │                   │   completed
 *      │                              │                   ├─▶ failed     not to be tried again
 *      │                              │                   ├─▶ dead       failed, attempts exhausted
 *      │                              │                   ├─▶ timeout    expired, attempts exhausted
 *      └─────────── retry ────────────┴───── from these ◀─┴─▶ cancelled  also straight from waiting
 * ```
 *
 * A claim's fencing token is that of the entry that granted it; with the item's id it names the grant.
 */
import { z } from 'zod';
import { IDENTIFIER, TOKEN } from '../identifier.ts';
import { command, DUTIES_MAX, projection, type ReadonlyTables } from '../projection.ts';
import { addWork, addWorkBatch } from './adding.ts';
import { claimWork } from './claiming.ts';
import { activateWork, due, expireWork } from './expiring.ts';
import { type Facts, folds } from './facts.ts';
import { completeWork, extendWork, failWork, releaseWork, startWork } from './holding.ts';
import { LANES, TURNS } from './lanes.ts';
import {
  cancelWork,
  pauseQueue,
  purgeWork,
  resumeQueue,
  retryWork,
  setQueue,
} from './operating.ts';
import { LIMITS, queueRow, QUEUES } from './queues.ts';
import {
  BATCH_MAX,
  CLAIM_FILTER,
  JSON_OBJECT,
  LEASE_SECONDS_MAX,
  TEXT,
  WORK_ITEM,
} from './work-item.ts';
import { ENDED, WAITING, WORK } from './work-table.ts';

/** The longest a failed item may be told to wait: a week. */
const DELAY_SECONDS_MAX = 7 * 24 * 60 * 60;
const LEASE_SECONDS = z.int().min(1).max(LEASE_SECONDS_MAX);
const LIMIT = z.int().min(0).max(1_000_000);

const QUEUE = z.object({ queue: IDENTIFIER });
const HELD = z.object({ work_id: IDENTIFIER, token: TOKEN });
/** As `HELD`, but without a token the holder's word counts while the item was claimed only once. */
const SAID_TO_BE_HELD = HELD.extend({ token: TOKEN.nullable().default(null) });

function workChanged(tables: ReadonlyTables, { work_id }: { readonly work_id: string }): number {
  return tables.of(WORK).get(work_id)?.changed_index ?? 0;
}

function queueChanged(tables: ReadonlyTables, { queue }: { readonly queue: string }): number {
  return queueRow(tables, queue).changed_index;
}

const asking = {
  add_work: command({
    summary: 'Adds an item of work.',
    traffic: 'dispatch',
    schema: WORK_ITEM,
    changed: workChanged,
    decide: addWork,
  }),
  add_work_batch: command({
    summary: 'Adds up to 1 000 items, each with its own answer; they may depend on each other.',
    traffic: 'dispatch',
    schema: z.object({ items: z.array(WORK_ITEM).min(1).max(BATCH_MAX) }),
    decide: addWorkBatch,
  }),
  cancel_work: command({
    summary: 'Cancels an item; if it is held, at the next word of its holder.',
    traffic: 'control',
    schema: z.object({ work_id: IDENTIFIER, reason: TEXT.default('') }),
    changed: workChanged,
    decide: cancelWork,
  }),
};

const holding = {
  claim_work: command({
    summary: 'Claims the next items a filter allows, or the one that is named.',
    traffic: 'dispatch',
    schema: z.object({
      node_id: IDENTIFIER,
      work_id: IDENTIFIER.nullable().default(null),
      filter: CLAIM_FILTER.nullable().default(null),
      lease_seconds: LEASE_SECONDS.default(60),
    }),
    decide: claimWork,
  }),
  start_work: command({
    summary: 'Says that a claimed item runs.',
    traffic: 'control',
    schema: SAID_TO_BE_HELD,
    changed: workChanged,
    decide: startWork,
  }),
  extend_work: command({
    summary:
      'Starts the leases of up to 1 000 held items anew; answers what their holder is to do.',
    traffic: 'control',
    schema: z.object({
      items: z
        .array(HELD.extend({ lease_seconds: LEASE_SECONDS.nullable().default(null) }))
        .min(1)
        .max(BATCH_MAX),
    }),
    decide: extendWork,
  }),
  complete_work: command({
    summary: 'Says that a held item is done.',
    traffic: 'control',
    schema: SAID_TO_BE_HELD.extend({ result: JSON_OBJECT.default({}) }),
    changed: workChanged,
    decide: completeWork,
  }),
  fail_work: command({
    summary: 'Says that an attempt failed; it is tried again while that makes sense.',
    traffic: 'control',
    schema: SAID_TO_BE_HELD.extend({
      error: TEXT.default(''),
      retryable: z.boolean().default(true),
      delay_seconds: z.int().min(0).max(DELAY_SECONDS_MAX).nullable().default(null),
    }),
    changed: workChanged,
    decide: failWork,
  }),
  release_work: command({
    summary: 'Gives a held item back, and its attempt with it.',
    traffic: 'control',
    schema: HELD,
    changed: workChanged,
    decide: releaseWork,
  }),
};

const operating = {
  retry_work: command({
    summary: 'Revives an item that is dead, failed, timed out or cancelled.',
    role: 'operator',
    traffic: 'control',
    schema: z.object({
      work_id: IDENTIFIER,
      excluded_nodes: WORK_ITEM.shape.excluded_nodes.removeDefault().nullable().default(null),
    }),
    changed: workChanged,
    decide: retryWork,
  }),
  purge_work: command({
    summary: 'Removes up to 1 000 items of a queue that are over or wait; says how many remain.',
    role: 'operator',
    traffic: 'control',
    schema: QUEUE.extend({
      statuses: z
        .array(z.enum([...ENDED, ...WAITING]))
        .min(1)
        .max(ENDED.length + WAITING.length)
        .default([...ENDED]),
    }),
    decide: purgeWork,
  }),
  pause_queue: command({
    summary: 'Nothing of the queue is claimed until it is resumed; what is held goes on.',
    role: 'operator',
    traffic: 'control',
    schema: QUEUE,
    changed: queueChanged,
    decide: pauseQueue,
  }),
  resume_queue: command({
    summary: 'Lets a paused queue be claimed from.',
    role: 'operator',
    traffic: 'control',
    schema: QUEUE,
    changed: queueChanged,
    decide: resumeQueue,
  }),
  set_queue: command({
    summary: 'Sets how much may wait in a queue.',
    role: 'operator',
    traffic: 'control',
    schema: QUEUE.extend({
      soft: LIMIT.default(LIMITS.soft),
      hard: LIMIT.default(LIMITS.hard),
      recovery: LIMIT.default(LIMITS.recovery),
    }).refine(({ soft, hard, recovery }) => recovery < soft && soft <= hard, {
      error: 'the limits must rise: recovery < soft ≤ hard',
      path: ['recovery'],
    }),
    changed: queueChanged,
    decide: setQueue,
  }),
};

const duties = {
  expire_work: command({
    summary: 'Announces that claims are over: their lease or the time of their items.',
    origin: 'duty',
    traffic: 'control',
    schema: z.object({ items: z.array(HELD).max(DUTIES_MAX) }),
    decide: expireWork,
  }),
  activate_work: command({
    summary: 'Offers scheduled items whose time has come.',
    origin: 'duty',
    traffic: 'control',
    schema: z.object({ items: z.array(z.object({ work_id: IDENTIFIER })).max(DUTIES_MAX) }),
    decide: activateWork,
  }),
};

export const workQueue = projection<Facts>({
  name: 'work-queue',
  summary: 'Work items with priorities, dependencies, leases and retries, in bounded queues.',
  tables: [WORK, QUEUES, LANES, TURNS],
  commands: { ...asking, ...holding, ...operating, ...duties },
  folds,
  due,
});
