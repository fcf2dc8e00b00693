/**
 * Endpoints that write: a request becomes a command, the command's outcome becomes the reply.
 *
 * ```
 *  path + query + body ─▶ fields of the command ─▶ dry run ─────────────────▶ what it would lead to
 *                                                  └▶ propose ─▶ applied ───▶ {index, term, outcome, facts, …}
 *                                                         ├────▶ refused ───▶ problem
 *                                                         └────▶ too late ──▶ 504 commit-unknown
 * ```
 *
 * `Idempotency-Key` makes a retry answer what the first attempt led to; the request it belongs to is told
 * by a fingerprint of method, path and raw body. `If-Match` and `If-None-Match: *` make the command
 * conditional on the index of the last change of what it names.
 */
import { z } from 'zod';
import type { Command, RetryMark } from '../../log/command.ts';
import type { Milliseconds } from '../../log/time.ts';
import type { CommandRule } from '../../projections/projection.ts';
import { MAIN_PROJECTIONS } from '../../projections/registry.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import { type Locate, pointerTo } from '../faults.ts';
import { fingerprint } from '../fingerprint.ts';
import {
  answered,
  type Answered,
  commitUnknown,
  ledTo,
  LOOPBACK_ACTOR,
  prepare,
} from '../proposal.ts';
import { problem, type ProblemCode } from '../wire/problem.ts';
import { answeredWithin } from './deadline.ts';
import {
  type Body,
  type Endpoint,
  type Incoming,
  type Method,
  ok,
  refusal,
  type Reply,
  type Serving,
} from './endpoint.ts';
import { WRITE, WRITE_HEADERS } from './fields.ts';
import { objectIn, readPart, together } from './request.ts';
import { type Fields, UNWRAPPED, type Wrapping } from './wrapping.ts';

type WriteHeaders = z.output<typeof WRITE_HEADERS>;
export interface WriteOptions {
  readonly dry_run: boolean;
  /** Whether a node that does not lead carries it to the one that does. */
  readonly forward: boolean;
  readonly timeout: number;
}

/** A command as a request carries it, and how the caller wants it treated. */
export interface Write {
  readonly rule: CommandRule;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly headers: WriteHeaders;
  readonly options: WriteOptions;
  readonly incoming: Incoming;
}

interface CommandSpec {
  readonly method: Method;
  /** Names in braces are fields of the command. */
  readonly path: string;
  readonly type: string;
  /** Fields that may stand in the query instead of the body: for DELETE, whose body some clients drop. */
  readonly query?: z.ZodRawShape;
  /** Fields the caller may leave to us. */
  readonly fills?: Readonly<Record<string, () => unknown>>;
  /** How the fields of the request lie in the command. */
  readonly wrapping?: Wrapping;
  /** What is done to the fields once they are valid. */
  readonly revise?: (data: Fields) => Fields;
  readonly problems?: readonly ProblemCode[];
}

/** The rule of a command of `main`, for the tables of endpoints. */
export function ruleOf(type: string): CommandRule {
  const rule = MAIN_PROJECTIONS.map(({ commands }) => commands[type]).find(Boolean);
  if (rule === undefined) throw new Error(`no projection of main has the command ${type}`);
  return rule;
}

const PLAIN = {
  wrapping: UNWRAPPED,
  query: {},
  fills: {},
  revise: (data: Fields) => data,
  problems: [],
} as const;

/** What any write can meet. */
export const WRITE_PROBLEMS = [
  'commit-unknown',
  'backpressure',
  'not-leader',
  'no-leader',
] as const satisfies readonly ProblemCode[];

/** Declares a write: one command whose fields are the path's names, the body's members, the query's. */
export function command(spec: CommandSpec): Endpoint {
  const { method, path, type, problems, wrapping, query, fills, revise } = { ...PLAIN, ...spec };
  const rule = ruleOf(type);
  const named = namesIn(path);
  const options = z.strictObject({ ...WRITE, ...query });
  const declared: Declared = {
    type,
    wrapping,
    named,
    options,
    fills: Object.entries(fills),
    revise,
  };
  // Commands take objects; so their fields can be told apart by where they stand.
  const shape = wrapping.shape(rule.schema as unknown as z.ZodObject);
  return {
    method,
    path,
    summary: rule.summary,
    role: rule.role,
    params: z.object(pick(shape, (name) => named.includes(name))),
    query: options,
    headers: WRITE_HEADERS,
    body: bodySchema(declared, shape),
    problems: [...WRITE_PROBLEMS, ...problems],
    reply: (serving, incoming) => written(declared, serving, incoming),
  };
}

/** The names in braces of a path. */
function namesIn(path: string): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
}

interface Declared {
  readonly type: string;
  readonly wrapping: Wrapping;
  readonly named: readonly string[];
  readonly options: z.ZodObject;
  readonly fills: readonly (readonly [name: string, draw: () => unknown])[];
  readonly revise: (data: Fields) => Fields;
}

function bodySchema({ named, fills }: Declared, shape: z.ZodRawShape): z.ZodObject {
  const body = z.object(pick(shape, (name) => !named.includes(name)));
  return body.partial(Object.fromEntries(fills.map(([name]) => [name, true])));
}

function pick(shape: z.ZodRawShape, wanted: (name: string) => boolean): z.ZodRawShape {
  return Object.fromEntries(Object.entries(shape).filter(([name]) => wanted(name)));
}

async function written(declared: Declared, serving: Serving, incoming: Incoming): Promise<Reply> {
  const request = together({
    query: readPart('query', declared.options, incoming),
    headers: readPart('headers', WRITE_HEADERS, incoming),
    body: objectIn(incoming.body),
  });
  if (request.kind === 'problem') return refusal(request.problem);
  const { headers, body, query } = request.values;
  const { dry_run, forward, timeout, ...inQuery } = query;
  const { type, wrapping, revise } = declared;
  const { main } = serving.node;
  const data = wrapping.data({
    ...filled(declared),
    ...inQuery,
    ...body,
    ...(incoming.params as Fields),
  });
  const places = { type: '', data: locate(declared, Object.keys(inQuery)) };
  const prepared = prepare(main, { type, data }, places);
  if (prepared.kind === 'problem') return refusal(prepared.problem);
  const options = { dry_run, forward, timeout } as WriteOptions;
  const write = { ...prepared, data: revise(prepared.data), type, headers, options, incoming };
  return replyTo(wrapping.answer(await propose(serving, main, write)));
}

function filled({ fills }: Declared): Fields {
  return Object.fromEntries(fills.map(([name, draw]) => [name, draw()]));
}

/** Fields of the command stand in the path, in the query, or else in the body. */
function locate({ named, wrapping }: Declared, inQuery: readonly string[]): Locate {
  return (path) => {
    const own = path.slice(wrapping.depth);
    const first = String(own[0]);
    if (named.includes(first)) return `/path${pointerTo(own)}`;
    return inQuery.includes(first) ? `/query${pointerTo(own)}` : pointerTo(own);
  };
}

/** Proposes a prepared command, or decides it without writing. */
export function propose(serving: Serving, group: Group, write: Write): Promise<Answered> {
  const asked = commandOf(write);
  return write.options.dry_run
    ? Promise.resolve(dryRun(group, asked))
    : settled(serving, group, asked, write);
}

/** Proposes and waits within the limit. */
export async function settled(
  { node, metrics }: Serving,
  group: Group,
  asked: Command,
  { rule, options }: Pick<Write, 'rule' | 'options'>,
): Promise<Answered> {
  if (!options.forward && !group.isLeader) return elsewhere(group);
  const started = node.clock.monotonic();
  const proposed = group.propose(asked, rule.traffic, patienceOf(options));
  const answer = await answeredWithin(proposed, {
    clock: node.clock,
    within: options.timeout,
    otherwise: undefined,
  });
  metrics.committed(node.clock.monotonic() - started);
  if (answer !== undefined) return answered(answer);
  return { kind: 'problem', problem: commitUnknown(), replayed: false };
}

/**
 * How long a change of leaders is waited out: for half of the time a caller has, so that who finds no leader
 * is told so, and whoever finds one late still hears what became of it. Who asks leaders only, asks himself.
 */
function patienceOf({ forward, timeout }: WriteOptions): Milliseconds {
  return forward ? timeout / 2 : 0;
}

/** For callers who would rather ask the leader themselves. */
function elsewhere(group: Group): Answered {
  const { leader_id } = group.status();
  const found =
    leader_id === undefined
      ? problem('no-leader', 'the group has no leader at the moment')
      : problem('not-leader', `${leader_id} leads the group`, { leader_id });
  return { kind: 'problem', problem: found, replayed: false };
}

export function replyTo(result: Answered): Reply {
  const headers: Record<string, string> = result.replayed ? { 'idempotency-replayed': 'true' } : {};
  return result.kind === 'written' ? ok(result.written, headers) : refusal(result.problem, headers);
}

function dryRun(group: Group, asked: Command): Answered {
  const { index, term, at } = group.machine.momentAt(0);
  const led = ledTo(group.machine.dryRun({ ...asked, at }), { index, term, replayed: false });
  return led.kind === 'written'
    ? { kind: 'written', written: { ...led.written, dry_run: true }, replayed: false }
    : { kind: 'problem', problem: { ...led.problem, dry_run: true }, replayed: false };
}

/** The command as it goes into the log. */
export function commandOf({ type, data, headers, incoming }: Write): Command {
  return {
    type,
    data,
    once: retryMark(headers, incoming),
    actor: LOOPBACK_ACTOR,
    trace: headers.traceparent,
    if_index: headers['if-none-match'] === undefined ? headers['if-match'] : 0,
  };
}

function retryMark(headers: WriteHeaders, incoming: Incoming): RetryMark | undefined {
  const key = headers['idempotency-key'];
  return key === undefined ? undefined : { key, print: printOf(incoming) };
}

function printOf({ method, path, body }: Incoming): string {
  return fingerprint(`${method} ${path}\n`, bytesOf(body));
}

function bytesOf(body: Body | undefined): Buffer {
  return body === undefined ? Buffer.alloc(0) : body.bytes;
}
