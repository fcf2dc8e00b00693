/**
 * Job assignments over HTTP. A new job names its node, or sends candidates and is placed on the best of
 * those that may take it.
 */
import { z } from 'zod';
import { IDENTIFIER } from '../../projections/identifier.ts';
import {
  assignmentStatistics,
  assignmentView,
  listAssignments,
} from '../../projections/assignments/assignment-queries.ts';
import { STATUSES } from '../../projections/assignments/assignment-table.ts';
import {
  type Candidate,
  explainPlacement,
  rankCandidates,
} from '../../projections/assignments/placement.ts';
import { type Endpoint, type Incoming, ok } from './endpoint.ts';
import { list, LIST } from './list.ts';
import { notFound, query, resourceOr404 } from './query.ts';
import { objectIn } from './request.ts';
import { command } from './write.ts';

const JOB = { job_id: IDENTIFIER };
const NEW = { method: 'POST', path: '/v1/assignments', problems: ['exists'] } as const;

const assigning = command({ ...NEW, type: 'assign_job' });

const placing = command({
  ...NEW,
  type: 'place_job',
  problems: ['exists', 'conflict'],
  // Ranked before it is proposed: the log records the order the choice was made in.
  revise: (data) => ({ ...data, candidates: rankCandidates(data['candidates'] as Candidate[]) }),
});

function bringsCandidates({ body }: Incoming): boolean {
  const sent = objectIn(body);
  return sent.kind === 'read' && 'candidates' in sent.value;
}

const ASSIGN_OR_PLACE: Endpoint = {
  ...placing,
  summary: 'Gives a new job to the node it names, or to the best of the candidates it brings.',
  body: z.union([assigning.body, placing.body].filter((body) => body !== undefined)),
  reply: (serving, incoming) =>
    (bringsCandidates(incoming) ? placing : assigning).reply(serving, incoming),
};

const VERBS: Readonly<Record<string, string>> = {
  start: 'start_job',
  complete: 'complete_job_assignment',
  fail: 'fail_job_assignment',
  reassign: 'reassign_job',
};

export const ASSIGNMENTS: readonly Endpoint[] = [
  query({
    path: '/v1/assignments',
    summary: 'Assignments, of a node or in a status.',
    query: {
      ...LIST,
      node: IDENTIFIER.optional(),
      status: z.enum(STATUSES).optional(),
      job: IDENTIFIER.optional(),
    },
    consistency: 'local',
    reply: ({ group, query: asked }) => {
      const { tables } = group.machine;
      if (asked.job === undefined)
        return list(asked, (page) =>
          listAssignments(tables, { node_id: asked.node, status: asked.status }, page),
        );
      const view = assignmentView(tables, asked.job);
      return ok({ items: view === undefined ? [] : [view], cursor: null });
    },
  }),
  query({
    path: '/v1/assignments/stats',
    summary: 'How many jobs there are, by status and by node.',
    consistency: 'local',
    reply: ({ group }) => ok(assignmentStatistics(group.machine.tables)),
  }),
  query({
    path: '/v1/assignments/{job_id}',
    summary: 'Which node has a job, and how far it is.',
    params: JOB,
    consistency: 'linearizable',
    problems: ['not-found'],
    reply: ({ group, params, incoming }) =>
      resourceOr404(
        'such assignment',
        assignmentView(group.machine.tables, params.job_id),
        incoming,
      ),
  }),
  query({
    path: '/v1/assignments/{job_id}/explain',
    summary: 'Why a job was placed where it is: the candidates as they were seen, and the choice.',
    params: JOB,
    consistency: 'linearizable',
    problems: ['not-found'],
    reply: ({ group, params }) => {
      const explanation = explainPlacement(group.machine.tables, params.job_id);
      return explanation === undefined ? notFound('placement of this job') : ok(explanation);
    },
  }),
  ASSIGN_OR_PLACE,
  ...Object.entries(VERBS).map(([verb, type]) =>
    command({
      method: 'POST',
      path: `/v1/assignments/{job_id}/${verb}`,
      type,
      problems: ['not-found', 'stale-token', 'illegal-transition'],
    }),
  ),
];
