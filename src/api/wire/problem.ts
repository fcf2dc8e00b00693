/**
 * Problems: what every refusal looks like on the wire (RFC 9457, `application/problem+json`), and the one
 * table of their codes. Programs read `code`, people read `detail`; what a refusal is about (holder,
 * token, limit, …) stands beside them as members of its own.
 */

export const PROBLEM_TYPE = 'application/problem+json';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** Seconds after which the same request may succeed, where no better number is known. */
  readonly retryAfter?: number;
}

/** Every code a caller can meet. */
export const PROBLEMS = {
  'validation-failed': { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'Say who you are' },
  forbidden: { status: 403, title: 'Not allowed' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'This method has no meaning here' },
  conflict: { status: 409, title: 'The state does not allow it' },
  exists: { status: 409, title: 'It exists already' },
  'unique-conflict': { status: 409, title: 'The unique key is taken' },
  'unknown-dependency': { status: 409, title: 'It depends on something unknown' },
  'dependency-cycle': { status: 409, title: 'It depends on itself' },
  'stale-token': { status: 409, title: 'The grant is no longer yours' },
  'already-claimed': { status: 409, title: 'Somebody else holds it' },
  'illegal-transition': { status: 409, title: 'Its state does not allow it' },
  'idempotency-in-flight': {
    status: 409,
    title: 'The first attempt is still under way',
    retryAfter: 1,
  },
  sealed: { status: 409, title: 'The group is sealed: it takes nothing any more' },
  diverged: { status: 409, title: 'Your history is not the history here' },
  'rule-fault': { status: 409, title: 'The rule failed; nothing was changed' },
  compacted: { status: 410, title: 'These entries are no longer kept' },
  'idempotency-expired': { status: 410, title: 'The time to retry is over' },
  'precondition-failed': { status: 412, title: 'It has changed since you looked' },
  'too-large': { status: 413, title: 'Too large' },
  'unsupported-media-type': { status: 415, title: 'Only application/json is understood' },
  'not-leader': { status: 421, title: 'Another node leads' },
  'idempotency-mismatch': { status: 422, title: 'The key belongs to another request' },
  'precondition-required': { status: 428, title: 'Say which version you mean to change' },
  backpressure: { status: 429, title: 'Too much at once', retryAfter: 1 },
  'rate-limited': { status: 429, title: 'Too many requests', retryAfter: 1 },
  internal: { status: 500, title: 'A fault of this node' },
  'no-leader': { status: 503, title: 'No leader is known', retryAfter: 1 },
  behind: { status: 503, title: 'This node has not come that far', retryAfter: 1 },
  recovering: { status: 503, title: 'This node is still starting', retryAfter: 1 },
  'group-limit': { status: 503, title: 'This node has no room for another group', retryAfter: 10 },
  'unknown-group': { status: 503, title: 'This node does not have the group', retryAfter: 5 },
  'upgrade-required': { status: 503, title: 'Not every node knows this yet', retryAfter: 60 },
  'shutting-down': { status: 503, title: 'This node is going away', retryAfter: 1 },
  'commit-unknown': { status: 504, title: 'It may have happened, or not' },
} as const satisfies Readonly<Record<string, ProblemKind>>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One fault of a request: where, what kind, and what would be right. */
export interface RequestFault {
  /** A JSON pointer into the body; `/query/…`, `/path/…` and `/headers/…` for what is not in it. */
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly instance?: string;
  readonly index?: number;
  readonly leader_id?: string;
  readonly retry_after_seconds?: number;
  readonly errors?: readonly RequestFault[];
  /** What the refusal is about. */
  readonly [member: string]: unknown;
}

/** Members that are the problem's own: what a refusal is about cannot overwrite them. */
const OWN = ['type', 'title', 'status', 'code', 'detail'] as const;

/** The status of what a refusal is about: `status` is that of the response. */
const STATUS_OF_ITS_SUBJECT = 'current_status';

/** Builds a problem; `members` are added as they are. */
export function problem(
  code: ProblemCode,
  detail: string,
  members: Readonly<Record<string, unknown>> = {},
): Problem {
  const { status, title, ...kind }: ProblemKind = PROBLEMS[code];
  const own = { type: `urn:quorate:problem:${code}`, title, status, code, detail };
  const wait = kind.retryAfter === undefined ? {} : { retry_after_seconds: kind.retryAfter };
  return { ...own, ...wait, ...statusOfSubject(members), ...without(members, OWN) };
}

/** A problem with one or more faults of the request. */
export function invalid(errors: readonly RequestFault[]): Problem {
  const many = errors.length === 1 ? '1 fault' : `${errors.length} faults`;
  return problem('validation-failed', `the request has ${many}`, { errors });
}

function statusOfSubject({ status }: Readonly<Record<string, unknown>>): object {
  return status === undefined ? {} : { [STATUS_OF_ITS_SUBJECT]: status };
}

function without(
  members: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)));
}
