/** Queues over HTTP: their limits and levels, and the operator's hand on them. */
import { IDENTIFIER } from '../../projections/identifier.ts';
import { listQueues, queueView } from '../../projections/work-queue/queries.ts';
import type { Endpoint } from './endpoint.ts';
import { list, LIST } from './list.ts';
import { query, resourceOr404 } from './query.ts';
import { command } from './write.ts';

export const QUEUES: readonly Endpoint[] = [
  query({
    path: '/v1/queues',
    summary: 'Queues by name: limits, level, what is in them and what ever happened in them.',
    query: LIST,
    consistency: 'local',
    reply: ({ group, query: asked }) =>
      list(asked, (page) => listQueues(group.machine.tables, page)),
  }),
  query({
    path: '/v1/queues/{queue}',
    summary: 'One queue.',
    params: { queue: IDENTIFIER },
    consistency: 'linearizable',
    problems: ['not-found'],
    reply: ({ group, params, incoming }) =>
      resourceOr404('such queue', queueView(group.machine.tables, params.queue), incoming),
  }),
  command({ method: 'PUT', path: '/v1/queues/{queue}', type: 'set_queue' }),
  command({ method: 'POST', path: '/v1/queues/{queue}/pause', type: 'pause_queue' }),
  command({ method: 'POST', path: '/v1/queues/{queue}/resume', type: 'resume_queue' }),
  command({ method: 'POST', path: '/v1/queues/{queue}/purge', type: 'purge_work' }),
];
