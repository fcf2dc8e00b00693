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
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Command } from '../../log/command.ts';
import type { CommandRule } from '../../projections/projection.ts';
import { MAIN_PROJECTIONS } from '../../projections/registry.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import { type Locate, pointerTo } from '../faults.ts';
import {
  answered,
  type Answered,
  commitUnknown,
  ledTo,
  LOOPBACK_ACTOR,
  prepare,
} from '../proposal.ts';
import type { ProblemCode } from '../wire/problem.ts';
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

const FINGERPRINT_LENGTH = 32;

export type WriteHeaders = z.output<typeof WRITE_HEADERS>;
export interface WriteOptions {
  readonly dry_run: boolean;
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
  readonly problems?: readonly ProblemCode[];
}

/** The rule of a command of `main`, for the tables of endpoints. */
export function ruleOf(type: string): CommandRule {
  const rule = MAIN_PROJECTIONS.map(({ commands }) => commands[type]).find(Boolean);
  if (rule === undefined) throw new Error(`no projection of main has the command ${type}`);
  return rule;
}

/** Declares a write: one command whose fields are the path's names, the body's members, the query's. */
export function command({ method, path, type, query = {}, problems = [] }: CommandSpec): Endpoint {
  const rule = ruleOf(type);
  const named = namesIn(path);
  const options = z.strictObject({ ...WRITE, ...query });
  return {
    method,
    path,
    summary: rule.summary,
    role: rule.role,
    params: fieldsOf(rule, named),
    query: options,
    headers: WRITE_HEADERS,
    body: fieldsBut(rule, named),
    problems: ['commit-unknown', 'backpressure', ...problems],
    reply: (serving, incoming) => written({ type, options, named }, serving, incoming),
  };
}

/** The names in braces of a path. */
export function namesIn(path: string): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
}

/** Commands take objects: their fields can be told apart by where they stand. */
function fieldsOf({ schema }: CommandRule, names: readonly string[]): z.ZodObject {
  return (schema as unknown as z.ZodObject).pick(mask(names));
}

function fieldsBut({ schema }: CommandRule, names: readonly string[]): z.ZodObject {
  return (schema as unknown as z.ZodObject).omit(mask(names));
}

function mask(names: readonly string[]): Record<string, true> {
  return Object.fromEntries(names.map((name) => [name, true]));
}

interface Declared {
  readonly type: string;
  readonly options: z.ZodObject;
  readonly named: readonly string[];
}

async function written(
  { type, options, named }: Declared,
  serving: Serving,
  incoming: Incoming,
): Promise<Reply> {
  const request = together({
    query: readPart('query', options, incoming),
    headers: readPart('headers', WRITE_HEADERS, incoming),
    body: objectIn(incoming.body),
  });
  if (request.kind === 'problem') return refusal(request.problem);
  const { dry_run, timeout, ...fields } = request.values.query;
  const data = { ...fields, ...request.values.body, ...(incoming.params as object) };
  const prepared = prepare(
    serving.node.main,
    { type, data },
    { type: '', data: locate(named, Object.keys(fields)) },
  );
  if (prepared.kind === 'problem') return refusal(prepared.problem);
  return propose(serving, serving.node.main, {
    ...prepared,
    type,
    headers: request.values.headers,
    options: { dry_run, timeout } as WriteOptions,
    incoming,
  });
}

/** Fields of the command stand in the path, in the query, or else in the body. */
function locate(inPath: readonly string[], inQuery: readonly string[]): Locate {
  return (path) => {
    const [first] = path;
    if (inPath.includes(String(first))) return `/path${pointerTo(path)}`;
    return inQuery.includes(String(first)) ? `/query${pointerTo(path)}` : pointerTo(path);
  };
}

/** Proposes a prepared command, or decides it without writing. */
export async function propose(serving: Serving, group: Group, write: Write): Promise<Reply> {
  const asked = commandOf(write);
  if (write.options.dry_run) return dryRun(group, asked);
  return replyTo(await settled(serving, group, asked, write));
}

/** Proposes and waits within the limit. */
export async function settled(
  { node }: Serving,
  group: Group,
  asked: Command,
  { rule, options }: Pick<Write, 'rule' | 'options'>,
): Promise<Answered> {
  const answer = await answeredWithin(group.propose(asked, rule.traffic), {
    clock: node.clock,
    within: options.timeout,
    otherwise: undefined,
  });
  if (answer !== undefined) return answered(answer);
  return { kind: 'problem', problem: commitUnknown(), replayed: false };
}

export function replyTo(result: Answered): Reply {
  const headers: Record<string, string> = result.replayed ? { 'idempotency-replayed': 'true' } : {};
  return result.kind === 'written' ? ok(result.written, headers) : refusal(result.problem, headers);
}

function dryRun(group: Group, asked: Command): Reply {
  const { index, term, at } = group.machine.momentAt(0);
  const led = ledTo(group.machine.dryRun({ ...asked, at }), { index, term });
  return led.kind === 'written'
    ? ok({ ...led.written, dry_run: true })
    : refusal({ ...led.problem, dry_run: true });
}

/** The command as it goes into the log. */
export function commandOf({ type, data, headers, incoming }: Write): Command {
  return {
    type,
    data,
    actor: LOOPBACK_ACTOR,
    ...retryMark(headers, incoming),
    ...condition(headers),
    ...(headers.traceparent === undefined ? {} : { trace: headers.traceparent }),
  };
}

function retryMark(headers: WriteHeaders, incoming: Incoming): Pick<Command, 'once'> {
  const key = headers['idempotency-key'];
  return key === undefined ? {} : { once: { key, print: fingerprint(incoming) } };
}

function condition(headers: WriteHeaders): Pick<Command, 'if_index'> {
  if (headers['if-none-match'] !== undefined) return { if_index: 0 };
  const index = headers['if-match'];
  return index === undefined ? {} : { if_index: index };
}

/** What tells two requests with the same key apart. */
export function fingerprint({ method, path, body }: Incoming): string {
  return createHash('sha256')
    .update(`${method} ${path}\n`)
    .update(bytesOf(body))
    .digest('hex')
    .slice(0, FINGERPRINT_LENGTH);
}

function bytesOf(body: Body | undefined): Buffer {
  return body === undefined ? Buffer.alloc(0) : body.bytes;
}
