/**
 * The generic door: every command that clients may propose, by its name. `GET /v1/commands` lists them.
 */
import { z } from 'zod';
import type { Command } from '../../log/command.ts';
import type { CommandRule } from '../../projections/projection.ts';
import { MAIN_PROJECTIONS } from '../../projections/registry.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import { below, pointerTo } from '../faults.ts';
import { type Answered, type Prepared, prepare } from '../proposal.ts';
import { invalid, type Problem, type RequestFault } from '../wire/problem.ts';
import {
  type Body,
  type Endpoint,
  type Incoming,
  ok,
  refusal,
  type Reply,
  type Serving,
} from './endpoint.ts';
import { WRITE, WRITE_HEADERS } from './fields.ts';
import { query, unknownGroup } from './query.ts';
import { isObject, objectIn, type Read, readBody, readPart, together } from './request.ts';
import {
  commandOf,
  propose,
  replyTo,
  settled,
  WRITE_PROBLEMS,
  type WriteOptions,
} from './write.ts';

/** Commands in one batch; the body's 1 MiB is the other bound. */
export const BATCH_MAX = 1000;

const TYPE_LENGTH_MAX = 128;
const MAIN = 'main';

const PROPOSAL = z.strictObject({
  type: z.string().min(1).max(TYPE_LENGTH_MAX).describe('The name of a command.'),
  data: z.record(z.string(), z.unknown()).default({}).describe('Its fields.'),
});
const GROUP = z.string().max(255).default(MAIN);
const ONE = PROPOSAL.extend({ group: GROUP });
const MANY = z.strictObject({ group: GROUP, commands: z.array(PROPOSAL).min(1).max(BATCH_MAX) });
const OPTIONS = z.strictObject(WRITE);
const BATCH_OPTIONS = z.strictObject({ forward: WRITE.forward, timeout: WRITE.timeout });

type Proposal = z.output<typeof PROPOSAL>;

/** What a plain request for one command is. Whatever does not pass here is for the schema to judge. */
const PLAIN: readonly ((body: Readonly<Record<string, unknown>>) => boolean)[] = [
  ({ type }) => typeof type === 'string' && type.length > 0 && type.length <= TYPE_LENGTH_MAX,
  ({ data }) => isObject(data),
  (body) => Object.keys(body).length === 2,
];

function readOne(body: Body | undefined): Read<z.output<typeof ONE>> {
  const sent = objectIn(body);
  if (sent.kind === 'faults') return sent;
  if (!PLAIN.every((passes) => passes(sent.value))) return readBody(ONE, body);
  const { type, data } = sent.value as unknown as Proposal;
  return { kind: 'read', value: { type, data, group: MAIN } };
}

async function one(serving: Serving, incoming: Incoming): Promise<Reply> {
  const request = together({
    query: readPart('query', OPTIONS, incoming),
    headers: readPart('headers', WRITE_HEADERS, incoming),
    body: readOne(incoming.body),
  });
  if (request.kind === 'problem') return refusal(request.problem);
  const { body, headers, query: options } = request.values;
  const group = await serving.node.wake(body.group);
  if (group === undefined) return refusal(unknownGroup());
  const prepared = prepare(group, body, { type: '/type', data: below('/data') });
  if (prepared.kind === 'problem') return refusal(prepared.problem);
  const { rule, data } = prepared;
  const write = { rule, data, type: body.type, headers, options, incoming };
  return replyTo(await propose(serving, group, write));
}

async function many(serving: Serving, incoming: Incoming): Promise<Reply> {
  const request = together({
    query: readPart('query', BATCH_OPTIONS, incoming),
    headers: readPart('headers', WRITE_HEADERS, incoming),
    body: readBody(MANY, incoming.body),
  });
  if (request.kind === 'problem') return refusal(request.problem);
  const { body, headers, query: options } = request.values;
  const group = await serving.node.wake(body.group);
  if (group === undefined) return refusal(unknownGroup());
  const batch = preparedBatch(group, body.commands);
  if (batch.kind === 'problem') return refusal(batch.problem);
  return proposed(serving, group, {
    commands: batch.commands.map(({ rule, type, data }, place) => ({
      rule,
      command: numbered(
        commandOf({ rule, type, data, headers, options: IMMEDIATE, incoming }),
        place,
      ),
    })),
    options: { ...options, dry_run: false },
  });
}

/** `commandOf` looks at no option; a batch is always written. */
const IMMEDIATE: WriteOptions = { dry_run: false, forward: true, timeout: 0 };

/** Each command of a batch has a key of its own, so that a retry of the batch finds each of them. */
function numbered(asked: Command, place: number): Command {
  if (asked.once === undefined || !('key' in asked.once)) return asked;
  return { ...asked, once: { ...asked.once, key: `${asked.once.key}/${place}` } };
}

type PreparedCommand = Extract<Prepared, { readonly kind: 'prepared' }> & { readonly type: string };

type Batch =
  | { readonly kind: 'batch'; readonly commands: readonly PreparedCommand[] }
  | { readonly kind: 'problem'; readonly problem: Problem };

/** All of them, or the faults of all of them: a batch with a fault is not begun. */
function preparedBatch(group: Group, proposals: readonly Proposal[]): Batch {
  const commands: PreparedCommand[] = [];
  const faults: RequestFault[] = [];
  for (const [place, proposal] of proposals.entries()) {
    const at = pointerTo(['commands', place]);
    const prepared = prepare(group, proposal, { type: `${at}/type`, data: below(`${at}/data`) });
    if (prepared.kind === 'prepared') commands.push({ ...prepared, type: proposal.type });
    else faults.push(...faultsFrom(prepared.problem, at));
  }
  if (faults.length > 0) return { kind: 'problem', problem: invalid(faults) };
  return { kind: 'batch', commands };
}

function faultsFrom({ errors, code, detail }: Problem, pointer: string): readonly RequestFault[] {
  return errors ?? [{ pointer: `${pointer}/type`, code, detail }];
}

interface ProposedBatch {
  readonly commands: readonly { readonly rule: CommandRule; readonly command: Command }[];
  readonly options: WriteOptions;
}

/** Proposed in order and together: they share fsyncs. One result each, in the order of the batch. */
async function proposed(
  serving: Serving,
  group: Group,
  { commands, options }: ProposedBatch,
): Promise<Reply> {
  const results = await Promise.all(
    commands.map(({ rule, command }) => settled(serving, group, command, { rule, options })),
  );
  return ok({ results: results.map(resultOf) });
}

function resultOf(result: Answered): object {
  return result.kind === 'written' ? result.written : { problem: result.problem };
}

interface CommandLine {
  readonly type: string;
  readonly summary: string;
  readonly role: string;
  readonly origin: string;
  readonly since: number;
  readonly projection: string;
  readonly schema: unknown;
}

function commandLines(): readonly CommandLine[] {
  return MAIN_PROJECTIONS.flatMap((projection) =>
    Object.entries(projection.commands).map(([type, { summary, role, origin, since, schema }]) => ({
      type,
      summary,
      role,
      origin,
      since,
      projection: projection.name,
      schema: z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }),
    })),
  );
}

const PROBLEMS = ['forbidden', 'unknown-group', ...WRITE_PROBLEMS] as const;

export const COMMANDS: readonly Endpoint[] = [
  query({
    path: '/v1/commands',
    summary: 'Every command, with the schema of its fields.',
    consistency: 'local',
    reply: () => ok({ items: commandLines() }),
  }),
  {
    method: 'POST',
    path: '/v1/commands',
    summary: 'Proposes any command that clients may propose.',
    role: 'worker',
    query: OPTIONS,
    headers: WRITE_HEADERS,
    body: ONE,
    problems: PROBLEMS,
    reply: one,
  },
  {
    method: 'POST',
    path: '/v1/commands/batch',
    summary: 'Proposes up to a thousand commands; each is decided by itself, in order.',
    role: 'worker',
    query: BATCH_OPTIONS,
    headers: WRITE_HEADERS,
    body: MANY,
    problems: PROBLEMS,
    reply: many,
  },
];
