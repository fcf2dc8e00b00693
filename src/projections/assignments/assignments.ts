/**
 * Job assignments: one node runs one job, and its word counts only while it holds the job's token.
 *
 * ```
 *  assign_job, place_job          start_job             complete_job_assignment
 *  ─────────────────────▶ assigned ────────▶ running ──────────────────────────▶ completed
 *                           ▲ │ └──────────────┼───────────────────────────────────▲
 *                           │ │                │       fail_job_assignment
 *            reassign_job   │ └────────────────┴───────────────────────────────▶ failed
 *            (a new token)  └──────────────────┘
 * ```
 *
 * The token is that of the entry that gave the job to its node. A node that lost the job to another can
 * neither start nor end it any more.
 */
import { z } from 'zod';
import { IDENTIFIER, TOKEN } from '../identifier.ts';
import { refuse, type Refusal } from '../outcome.ts';
import {
  command,
  type Decision,
  projection,
  type ReadonlyTables,
  type Ruling,
} from '../projection.ts';
import {
  ACTIVE_MAX,
  activeCount,
  type AssignmentRow,
  ASSIGNMENTS,
  change,
  type JobFields,
  trim,
} from './assignment-table.ts';
import {
  type Candidate,
  CANDIDATES_MAX,
  candidateSchema,
  firstFit,
  PLACEMENTS,
} from './placement.ts';

/** When to try again where there is no room: jobs end by themselves. */
const RETRY_SECONDS = 10;

interface Held {
  readonly job_id: string;
  readonly node_id: string;
  readonly token: number;
}

type Facts =
  | ({ readonly type: 'job_assigned' } & JobFields & Held)
  | {
      readonly type: 'job_placed';
      readonly job_id: string;
      readonly chosen: string;
      readonly candidates: readonly Candidate[];
    }
  | ({ readonly type: 'job_started' } & Held)
  | ({
      readonly type: 'job_assignment_completed';
      readonly result: Readonly<Record<string, unknown>>;
    } & Held)
  | ({ readonly type: 'job_assignment_failed'; readonly error: string } & Held)
  | ({
      readonly type: 'job_reassigned';
      readonly from_node_id: string;
      readonly reassigned_count: number;
    } & Held);

const OBJECT = z.record(z.string(), z.unknown());

const jobSchema = z.object({
  job_id: IDENTIFIER,
  job_type: IDENTIFIER.default('selfplay'),
  board_type: IDENTIFIER.default('square8'),
  num_players: z.int().min(1).max(1000).default(2),
  config: OBJECT.default({}),
});

/** Why no new assignment can be made under this name, if so. */
function obstacleTo({ job_id }: JobFields, tables: ReadonlyTables): Refusal | undefined {
  const row = tables.of(ASSIGNMENTS).get(job_id);
  if (row !== undefined)
    return refuse('exists', 'the job is assigned already', { node_id: row.node_id });
  return activeCount(tables) >= ACTIVE_MAX
    ? refuse('backpressure', 'too many jobs are assigned', {
        limit: ACTIVE_MAX,
        retry_after_seconds: RETRY_SECONDS,
      })
    : undefined;
}

const assignSchema = jobSchema.extend({ node_id: IDENTIFIER });

function assign(ruling: Ruling, job: z.output<typeof assignSchema>): Decision {
  const obstacle = obstacleTo(job, ruling.tables);
  if (obstacle !== undefined) return obstacle;
  ruling.emit<Facts>({ type: 'job_assigned', ...job, token: ruling.token });
  return undefined;
}

const placeSchema = jobSchema.extend({
  /** Best first, as `rankCandidates` gives them. */
  candidates: z.array(candidateSchema).max(CANDIDATES_MAX),
});

function place(ruling: Ruling, { candidates, ...job }: z.output<typeof placeSchema>): Decision {
  const chosen = firstFit(candidates);
  if (chosen === undefined)
    return refuse('conflict', 'no candidate may take the job', { candidates: candidates.length });
  const { node_id } = chosen;
  const obstacle = assign(ruling, { ...job, node_id });
  if (obstacle !== undefined) return obstacle;
  ruling.emit<Facts>({ type: 'job_placed', job_id: job.job_id, chosen: node_id, candidates });
  return undefined;
}

const heldSchema = z.object({ job_id: IDENTIFIER, token: TOKEN });
type Claim = z.output<typeof heldSchema>;
type Grip = { readonly kind: 'held'; readonly row: AssignmentRow } | Refusal;

/** The assignment as the caller holds it, or why it does not. */
function gripOf({ tables }: Ruling, { job_id, token }: Claim): Grip {
  const row = tables.of(ASSIGNMENTS).get(job_id);
  if (row === undefined) return refuse('not-found', 'no such assignment', { job_id });
  const { node_id: holder, token: current } = row;
  if (token !== current)
    return refuse('stale-token', `${holder} has the job with token ${current}`, {
      holder,
      token: current,
    });
  return row.completed_at === null ? { kind: 'held', row } : ended(row);
}

function ended({ status }: AssignmentRow): Refusal {
  return refuse('illegal-transition', `the job has ${status} already`, { status });
}

/** What follows from the word of the holder; a claim that is not the holder's is refused. */
function byHolder(
  ruling: Ruling,
  claim: Claim,
  decide: (row: AssignmentRow) => Decision,
): Decision {
  const grip = gripOf(ruling, claim);
  return grip.kind === 'refused' ? grip : decide(grip.row);
}

function start(ruling: Ruling, claim: Claim): Decision {
  return byHolder(ruling, claim, ({ job_id, node_id, token, status }) => {
    if (status !== 'assigned')
      return refuse('illegal-transition', 'the job runs already', { status });
    ruling.emit<Facts>({ type: 'job_started', job_id, node_id, token });
    return undefined;
  });
}

const completeSchema = heldSchema.extend({ result: OBJECT.default({}) });

function complete(ruling: Ruling, claim: z.output<typeof completeSchema>): Decision {
  return byHolder(ruling, claim, ({ job_id, node_id, token }) => {
    const { result } = claim;
    ruling.emit<Facts>({ type: 'job_assignment_completed', job_id, node_id, token, result });
    return undefined;
  });
}

const failSchema = heldSchema.extend({ error: z.string().max(10_000).default('') });

function fail(ruling: Ruling, claim: z.output<typeof failSchema>): Decision {
  return byHolder(ruling, claim, ({ job_id, node_id, token }) => {
    const { error } = claim;
    ruling.emit<Facts>({ type: 'job_assignment_failed', job_id, node_id, token, error });
    return undefined;
  });
}

const reassignSchema = heldSchema.extend({ node_id: IDENTIFIER });

function reassign(ruling: Ruling, claim: z.output<typeof reassignSchema>): Decision {
  return byHolder(ruling, claim, (row) => {
    ruling.emit<Facts>({
      type: 'job_reassigned',
      job_id: row.job_id,
      node_id: claim.node_id,
      token: ruling.token,
      from_node_id: row.node_id,
      reassigned_count: row.reassigned_count + 1,
    });
    return undefined;
  });
}

function assignmentChanged(tables: ReadonlyTables, data: { readonly job_id: string }): number {
  return tables.of(ASSIGNMENTS).get(data.job_id)?.changed_index ?? 0;
}

export const assignments = projection<Facts>({
  name: 'assignments',
  summary: 'Which node runs which job.',
  tables: [ASSIGNMENTS, PLACEMENTS],
  commands: {
    assign_job: command({
      summary: 'Gives a new job to a node.',
      role: 'operator',
      traffic: 'dispatch',
      schema: assignSchema,
      changed: assignmentChanged,
      decide: assign,
    }),
    place_job: command({
      summary: 'Gives a new job to the first of the ranked candidates that may take it.',
      role: 'operator',
      traffic: 'dispatch',
      schema: placeSchema,
      changed: assignmentChanged,
      decide: place,
    }),
    start_job: command({
      summary: 'The node has started the job.',
      traffic: 'control',
      schema: heldSchema,
      changed: assignmentChanged,
      decide: start,
    }),
    complete_job_assignment: command({
      summary: 'The job is done.',
      traffic: 'control',
      schema: completeSchema,
      changed: assignmentChanged,
      decide: complete,
    }),
    fail_job_assignment: command({
      summary: 'The job cannot be done.',
      traffic: 'control',
      schema: failSchema,
      changed: assignmentChanged,
      decide: fail,
    }),
    reassign_job: command({
      summary: 'Gives a job that has not ended to another node, with a new token.',
      role: 'operator',
      traffic: 'dispatch',
      schema: reassignSchema,
      changed: assignmentChanged,
      decide: reassign,
    }),
  },
  folds: {
    job_assigned: (tables, { type: _type, ...assigned }, moment) => {
      tables.of(ASSIGNMENTS).put({
        ...assigned,
        status: 'assigned',
        assigned_index: moment.index,
        assigned_at: moment.at,
        started_at: null,
        completed_at: null,
        reassigned_count: 0,
        result: null,
        error: null,
        changed_index: moment.index,
      });
      trim(tables, moment);
    },
    job_placed: (tables, { type: _type, ...placed }, moment) =>
      tables.of(PLACEMENTS).put({ ...placed, placed_index: moment.index }),
    job_started: (tables, { job_id }, { at, index }) =>
      change(tables, job_id, { status: 'running', started_at: at, changed_index: index }),
    job_assignment_completed: (tables, { job_id, result }, moment) => {
      const { at, index } = moment;
      change(tables, job_id, {
        status: 'completed',
        completed_at: at,
        result,
        changed_index: index,
      });
      trim(tables, moment);
    },
    job_assignment_failed: (tables, { job_id, error }, moment) => {
      const { at, index } = moment;
      change(tables, job_id, { status: 'failed', completed_at: at, error, changed_index: index });
      trim(tables, moment);
    },
    job_reassigned: (tables, { job_id, node_id, token, reassigned_count }, { at, index }) =>
      change(tables, job_id, {
        node_id,
        token,
        status: 'assigned',
        assigned_index: index,
        assigned_at: at,
        started_at: null,
        reassigned_count,
        changed_index: index,
      }),
  },
});
