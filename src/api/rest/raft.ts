/**
 * Agreement over HTTP: how it stands, and the operator's hand on it. Changes are carried to the leader,
 * whichever node is asked; a snapshot is taken by the node that is asked.
 */
import { z } from 'zod';
import { IDENTIFIER } from '../../projections/identifier.ts';
import type { ChangeRefusal, Configuration, ConfigurationChange } from '../../protocols/engine.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import { invalid, problem, type Problem, type ProblemCode } from '../wire/problem.ts';
import { answeredWithin } from './deadline.ts';
import { type Endpoint, type Incoming, ok, refusal, type Reply, type Serving } from './endpoint.ts';
import { WRITE } from './fields.ts';
import { unknownGroup } from './query.ts';
import { groupView, raftView } from './raft-view.ts';
import { readBody, readPart, together } from './request.ts';

const OPTIONS = z.strictObject({ timeout: WRITE.timeout });

const TRANSFER = z.strictObject({
  to: IDENTIFIER.optional().describe('A voter; left out, the one that is furthest.'),
});

const GROUP_LENGTH_MAX = 255;
const VOTERS_MAX = 7;
const LEARNERS_MAX = 16;
const VOTERS = z.strictObject({
  voters: z.array(IDENTIFIER).min(1).max(VOTERS_MAX).describe('Everybody who votes from now on.'),
  learners: z
    .array(IDENTIFIER)
    .max(LEARNERS_MAX)
    .optional()
    .describe('Everybody who only follows; left out, those who do now and are not to vote.'),
});

const NOTHING = z.strictObject({});

/** How each refusal of an engine is told. */
const CODES: Readonly<Record<Exclude<ChangeRefusal, 'invalid'>, ProblemCode>> = {
  'no-leader': 'no-leader',
  busy: 'conflict',
  'unknown-member': 'conflict',
  'not-caught-up': 'conflict',
  'history-held': 'conflict',
  fixed: 'conflict',
  unknown: 'commit-unknown',
};

/** What an operator asks for, once the request is read. */
interface Act<Body> {
  readonly serving: Serving;
  readonly group: Group;
  readonly body: Body;
  /** How long it may take. */
  readonly within: number;
}

interface Operation<Schema extends z.ZodObject> {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly summary: string;
  readonly body: Schema;
  readonly problems: readonly ProblemCode[];
  readonly act: (act: Act<z.output<Schema>>) => Promise<Reply>;
}

function operation<Schema extends z.ZodObject>(spec: Operation<Schema>): Endpoint {
  const { method, path, summary, body, problems } = spec;
  return {
    method,
    path,
    summary,
    role: 'operator',
    query: OPTIONS,
    body,
    problems,
    reply: (serving, incoming) => acted(spec, serving, incoming),
  };
}

async function acted<Schema extends z.ZodObject>(
  { body: schema, act }: Operation<Schema>,
  serving: Serving,
  incoming: Incoming,
): Promise<Reply> {
  const request = together({
    query: readPart('query', OPTIONS, incoming),
    body: readBody(schema, incoming.body),
  });
  if (request.kind === 'problem') return refusal(request.problem);
  const { body, query } = request.values;
  return act({ serving, group: serving.node.main, body, within: query.timeout });
}

/** Changes the members; answers with how things stand after it. */
async function changeMembers(act: Act<z.output<typeof VOTERS>>): Promise<Reply> {
  const { group, body } = act;
  const answer = await inTime(act, group.change(wanted(group, body)));
  if (answer.kind === 'refused') return refusal(refusedChange(answer, group));
  return ok({ index: answer.index, ...standing(group) });
}

/** Hands over; answers when a leader of a later term speaks. Who was told to lead may have lost. */
async function transfer(act: Act<z.output<typeof TRANSFER>>): Promise<Reply> {
  const { group, body } = act;
  const before = group.status();
  if (body.to === before.leader_id) return ok(standing(group));
  const answer = await inTime(act, group.transfer(body.to));
  if (answer.kind === 'refused') return refusal(refusedChange(answer, group));
  return handedTo(body.to, await leaderAfter(act, before.term), group);
}

function handedTo(to: string | undefined, leader: string | undefined, group: Group): Reply {
  if (leader === undefined)
    return refusal(problem('no-leader', 'nobody leads yet', standing(group)));
  if (to === undefined || to === leader) return ok(standing(group));
  return refusal(problem('conflict', `${to} was told to lead, and did not win`, standing(group)));
}

/** How often it is looked who leads now. */
const LOOK_MS = 10;

async function leaderAfter(
  { serving, group, within }: Act<unknown>,
  term: number,
): Promise<string | undefined> {
  const { clock } = serving.node;
  const until = clock.monotonic() + within;
  let { leader_id: leader, term: now } = group.status();
  while (now <= term || leader === undefined) {
    if (clock.monotonic() > until) return undefined;
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
    ({ leader_id: leader, term: now } = group.status());
  }
  return leader;
}

function inTime(
  { serving, within }: Act<unknown>,
  change: Promise<ConfigurationChange>,
): Promise<ConfigurationChange> {
  return answeredWithin(change, { clock: serving.node.clock, within, otherwise: LATE });
}

const LATE: ConfigurationChange = {
  kind: 'refused',
  code: 'unknown',
  reason: 'it is still under way; look before you repeat',
};

type Refused = Extract<ConfigurationChange, { readonly kind: 'refused' }>;

function refusedChange({ code, reason }: Refused, group: Group): Problem {
  if (code === 'invalid') return invalid([{ pointer: '', code, detail: reason }]);
  return problem(CODES[code], reason, standing(group));
}

function standing(group: Group): Readonly<Record<string, unknown>> {
  const { leader_id, voters, learners } = group.status();
  return { leader_id, voters, learners };
}

function wanted(group: Group, { voters, learners }: z.output<typeof VOTERS>): Configuration {
  const those = learners ?? group.status().learners.filter((learner) => !voters.includes(learner));
  return { voters, learners: those };
}

const WHICH = z.strictObject({
  group: z
    .string()
    .min(1)
    .max(GROUP_LENGTH_MAX)
    .optional()
    .describe(
      'A group of this node; one that rests comes into memory for it. Left out, `main` and all links.',
    ),
});

async function statusOf({ node }: Serving, incoming: Incoming): Promise<Reply> {
  const request = together({ query: readPart('query', WHICH, incoming) });
  if (request.kind === 'problem') return refusal(request.problem);
  const { group: name } = request.values.query;
  if (name === undefined) return ok(raftView(node));
  const group = await node.wake(name);
  return group === undefined ? refusal(unknownGroup()) : ok(groupView(node, group));
}

const STATUS: Omit<Endpoint, 'path'> = {
  method: 'GET',
  summary: 'How the nodes agree: roles, terms, who follows how far, links, the last election.',
  role: 'reader',
  query: WHICH,
  problems: ['unknown-group'],
  reply: statusOf,
};

export const RAFT: readonly Endpoint[] = [
  { ...STATUS, path: '/raft/status' },
  { ...STATUS, path: '/v1/raft' },
  operation({
    method: 'POST',
    path: '/v1/raft/transfer',
    summary: 'Hands leadership to a voter.',
    body: TRANSFER,
    problems: ['conflict', 'no-leader', 'commit-unknown'],
    act: transfer,
  }),
  operation({
    method: 'POST',
    path: '/v1/raft/snapshot',
    summary: 'Takes a snapshot on this node.',
    body: NOTHING,
    problems: ['commit-unknown'],
    act: async ({ serving, group, within }) => {
      const limit = { clock: serving.node.clock, within, otherwise: undefined };
      const index = await answeredWithin(group.snapshots.take(), limit);
      if (index !== undefined) return ok({ index, snapshots: group.snapshotStatus });
      return refusal(problem('commit-unknown', 'the snapshot is still being written'));
    },
  }),
  operation({
    method: 'PUT',
    path: '/v1/voters',
    summary: 'Says who votes and who only follows; each must take part already.',
    body: VOTERS,
    problems: ['conflict', 'no-leader', 'commit-unknown'],
    act: changeMembers,
  }),
];
