/** Work over HTTP: adding it, claiming it, saying how it went. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { IDENTIFIER } from '../../projections/identifier.ts';
import { listWork, workStats, workView } from '../../projections/work-queue/queries.ts';
import { STATUSES } from '../../projections/work-queue/work-table.ts';
import type { ProblemCode } from '../wire/problem.ts';
import { CLAIM } from './claim.ts';
import { type Endpoint, ok } from './endpoint.ts';
import { list, LIST } from './list.ts';
import { now, query, resourceOr404 } from './query.ts';
import { onlyItemOf } from './wrapping.ts';
import { command } from './write.ts';

const ADDED = ['exists', 'unique-conflict', 'unknown-dependency', 'dependency-cycle'] as const;
const HELD = ['not-found', 'stale-token', 'illegal-transition'] as const;
const NAMED = ['not-found', 'illegal-transition'] as const;

/** What is said of one item, and what stands in the way of saying it. */
const VERBS: Readonly<Record<string, readonly ProblemCode[]>> = {
  start: HELD,
  complete: HELD,
  fail: HELD,
  release: HELD,
  cancel: NAMED,
  retry: NAMED,
};

export const WORK: readonly Endpoint[] = [
  query({
    path: '/v1/work',
    summary: 'Items of work, of a status, a queue or a holder.',
    query: {
      ...LIST,
      status: z.enum(STATUSES).optional(),
      queue: IDENTIFIER.optional(),
      holder: IDENTIFIER.optional(),
    },
    consistency: 'local',
    reply: ({ group, query: asked }) => {
      const { status, queue, holder } = asked;
      return list(asked, (page) =>
        listWork(group.machine.tables, now(group), { ...page, status, queue, holder }),
      );
    },
  }),
  query({
    path: '/v1/work/stats',
    summary: 'How much work there is, by status and type, and which queues are pressed.',
    consistency: 'local',
    reply: ({ group }) => ok(workStats(group.machine.tables)),
  }),
  query({
    path: '/v1/work/{work_id}',
    summary: 'One item of work.',
    params: { work_id: IDENTIFIER },
    consistency: 'linearizable',
    problems: ['not-found'],
    reply: ({ group, params, incoming }) => {
      const view = workView(group.machine.tables, now(group), params.work_id);
      return resourceOr404('such work', view, incoming);
    },
  }),
  command({
    method: 'POST',
    path: '/v1/work',
    type: 'add_work',
    // An id is part of the command, so it is drawn before anything is proposed.
    fills: { work_id: () => randomUUID() },
    problems: ADDED,
  }),
  command({ method: 'POST', path: '/v1/work/batch', type: 'add_work_batch' }),
  CLAIM,
  command({ method: 'POST', path: '/v1/work/extend', type: 'extend_work' }),
  ...Object.entries(VERBS).map(([verb, problems]) =>
    command({ method: 'POST', path: `/v1/work/{work_id}/${verb}`, type: `${verb}_work`, problems }),
  ),
  command({
    method: 'POST',
    path: '/v1/work/{work_id}/extend',
    type: 'extend_work',
    wrapping: onlyItemOf('items'),
    problems: HELD,
  }),
];
