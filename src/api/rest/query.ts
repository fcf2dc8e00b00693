/**
 * Endpoints that read: where the answer may be taken from, and when.
 *
 * ```
 *  linearizable ─▶ the leader names an index ─┐
 *  min_index ─────────────────────────────────┼─▶ wait until it is applied here ─▶ answer, or `behind`
 *  local ─────────────────────────────────────┘
 * ```
 *
 * A local answer says in `Quorate-Age` how many seconds ago a leader was certainly heard: whatever was
 * agreed since may be missing from it.
 */
import { z } from 'zod';
import type { Reading, Role } from '../../projections/projection.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import type { Waited } from '../applied-index.ts';
import { problem, type Problem, type ProblemCode } from '../wire/problem.ts';
import { answeredWithin } from './deadline.ts';
import { type Endpoint, type Incoming, ok, refusal, type Reply, type Serving } from './endpoint.ts';
import { READ } from './fields.ts';
import { readPart, together } from './request.ts';

type Shape = z.ZodRawShape;
type Values<Fields extends Shape> = z.output<z.ZodObject<Fields>>;

/** What a read is given. */
export interface Asked<Params extends Shape, Query extends Shape> {
  readonly serving: Serving;
  readonly group: Group;
  readonly params: Values<Params>;
  readonly query: Values<Query>;
  readonly incoming: Incoming;
}

interface QuerySpec<Params extends Shape, Query extends Shape> {
  readonly path: string;
  readonly summary: string;
  readonly role?: Role;
  readonly params?: Params;
  readonly query?: Query;
  readonly problems?: readonly ProblemCode[];
  /** Where it is answered from unless the caller says otherwise. */
  readonly consistency: Consistency;
  readonly reply: (asked: Asked<Params, Query>) => Promise<Reply> | Reply;
}

/** Declares a read of the group `main`, or of the group its path names. */
export function query<
  const Params extends Shape = Record<string, z.ZodNever>,
  const Query extends Shape = Record<string, z.ZodNever>,
>(spec: QuerySpec<Params, Query>): Endpoint {
  const params = z.object(spec.params ?? {});
  const fields = z.strictObject({ ...READ, ...spec.query });
  const read: Reader = {
    ...spec,
    params,
    query: fields,
    // The schemas above are those of the spec, so what they parse is what its reply takes.
    reply: spec.reply as unknown as Reader['reply'],
  };
  return {
    method: 'GET',
    path: spec.path,
    summary: spec.summary,
    role: spec.role ?? 'reader',
    params,
    query: fields,
    problems: ['behind', 'no-leader', ...(spec.problems ?? [])],
    reply: (serving, incoming) => answer(read, serving, incoming),
  };
}

interface Reader {
  readonly consistency: Consistency;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly reply: (asked: Asked<Shape, Shape>) => Promise<Reply> | Reply;
}

async function answer(read: Reader, serving: Serving, incoming: Incoming): Promise<Reply> {
  const request = together({
    params: readPart('params', read.params, incoming),
    query: readPart('query', read.query, incoming),
  });
  if (request.kind === 'problem') return refusal(request.problem);
  const { params, query: options } = request.values;
  const group = await groupNamed(serving, params);
  if (group === undefined) return refusal(unknownGroup());
  const freshness = { consistency: read.consistency, ...options } as Freshness;
  const stale = await staleness(group, freshness, serving);
  if (stale !== undefined) return refusal(stale);
  const reply = await read.reply({ serving, group, params, query: options, incoming });
  return SAYING_AGE[freshness.consistency](reply, group);
}

type Consistency = 'linearizable' | 'local';

const SAYING_AGE: Readonly<Record<Consistency, (reply: Reply, group: Group) => Reply>> = {
  linearizable: (reply) => reply,
  local: (reply, group) => {
    const headers = { ...reply.headers, 'quorate-age': ageOf(group) };
    return { ...reply, headers };
  },
};

/** In seconds. */
function ageOf(group: Group): string {
  const seconds = group.status().age_ms / 1000;
  return Number.isFinite(seconds) ? seconds.toFixed(3) : 'unknown';
}

export function unknownGroup(): Problem {
  return problem('unknown-group', 'this node has no such group');
}

function groupNamed(
  { node }: Serving,
  params: Readonly<Record<string, unknown>>,
): Group | Promise<Group | undefined> {
  return 'group' in params ? node.wake(String(params['group'])) : node.main;
}

interface Freshness {
  readonly consistency: Consistency;
  readonly min_index?: number;
  readonly timeout: number;
}

const WAITS: { readonly [Kind in Exclude<Waited, 'reached'>]: ProblemCode } = {
  late: 'behind',
  crowded: 'backpressure',
  stopped: 'shutting-down',
};

/** Waits until the answer is fresh enough. @returns why it is not, if so */
async function staleness(
  group: Group,
  freshness: Freshness,
  serving: Serving,
): Promise<Problem | undefined> {
  const { clock } = serving.node;
  const until = clock.monotonic() + freshness.timeout;
  const point = await answeredWithin(readPoint(group, freshness), {
    clock,
    within: freshness.timeout,
    otherwise: UNANSWERED,
  });
  if (point.kind === 'refused')
    return problem(point.code, 'nobody can say how far the group is', leaderIn(point));
  const wanted = point.index;
  const within = until - clock.monotonic();
  const waited = await serving.applied(group).reaches({ index: wanted, within });
  if (waited === 'reached') return undefined;
  const { index } = group.machine.position;
  return problem(WAITS[waited], `entry ${wanted} is not applied here`, { index, wanted });
}

type Point = Awaited<ReturnType<Group['read']>>;

/** The leader was asked, and nothing came: it is gone, or a majority is. */
const UNANSWERED: Point = { kind: 'refused', code: 'no-leader' };

async function readPoint(group: Group, { consistency, min_index }: Freshness): Promise<Point> {
  const least = min_index ?? 0;
  if (consistency === 'local') return { kind: 'at', index: least };
  const point = await group.read();
  return point.kind === 'at' ? { kind: 'at', index: Math.max(point.index, least) } : point;
}

function leaderIn(point: Point): Readonly<Record<string, unknown>> {
  return 'leader_id' in point ? { leader_id: point.leader_id } : {};
}

/** One resource, with the index of its last change as its ETag; a caller that has it gets 304. */
function resource(
  body: object,
  { changed, incoming }: { readonly changed: number; readonly incoming: Incoming },
): Reply {
  const etag = `"${changed}"`;
  if (incoming.headers['if-none-match'] === etag)
    return { kind: 'content', status: 304, headers: { etag }, body: '' };
  return ok(body, { etag });
}

export function notFound(what: string): Reply {
  return refusal(problem('not-found', `there is no ${what}`));
}

/** The resource, or that there is none. Rows say in `changed_index` when they last changed. */
export function resourceOr404(
  what: string,
  view: { readonly changed_index: number } | undefined,
  incoming: Incoming,
): Reply {
  if (view === undefined) return notFound(what);
  return resource(view, { changed: view.changed_index, incoming });
}

/** The moment a question is asked in. */
export function now(group: Group): Reading {
  return group.machine.readingAt(group.now());
}
