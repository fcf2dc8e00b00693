/**
 * Operations as requests to the service, and its replies as answers.
 *
 * ```
 *  lock/…   PUT GET DELETE /v1/locks/…       queue/…  PUT GET /v1/queues/…, If-Match
 *  work/…   POST GET /v1/work…               the value of a queue is its hard limit
 * ```
 *
 * A reply is an *answer*; or it says that *nothing* happened, which is believed, so that a service that says
 * so lightly is found out; or it leaves the caller not knowing (*unknown*).
 */
import type { GuardedInput, GuardedOutput } from './models/guarded.ts';
import type { Named } from './models/grant.ts';
import type { LockInput, LockOutput } from './models/lock.ts';
import type { WorkInput, WorkOutput } from './models/work.ts';

export interface Question {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

export interface Reply {
  readonly status: number;
  readonly members: Members;
}

/** Of a JSON answer: what is looked at. */
export interface Members {
  readonly code?: string;
  readonly index?: number;
  readonly token?: number | null;
  readonly holder?: string | null;
  readonly owner?: string;
  readonly reason?: string;
  readonly status?: string | number;
  readonly claimed_by?: string | null;
  readonly deadline_at?: number | null;
  readonly limits?: { readonly hard: number };
  readonly changed_index?: number;
}

export type Meaning =
  /** `entry`: the index of the entry it became, where the reply says so. */
  | { readonly kind: 'answer'; readonly output: object; readonly entry?: number }
  | { readonly kind: 'nothing'; readonly code: string }
  | { readonly kind: 'unknown'; readonly code: string };

interface Door {
  question(id: string, input: unknown): Question;
  /** Undefined: not a reply this question has. */
  output(input: unknown, reply: Reply): object | undefined;
}

/** Nothing was proposed, says the service. */
const NOTHING: ReadonlySet<string> = new Set([
  'backpressure',
  'rate-limited',
  'not-leader',
  'no-leader',
  'recovering',
  'behind',
  'shutting-down',
]);

/** The lowest hard limit a queue may have with its other limits as they are. */
const VALUE_BASE = 100_000;
const TIMEOUT_SECONDS = 30 * 24 * 60 * 60;

const LOCK_DOOR: Door = {
  question: (id, input: LockInput) => {
    const path = `/v1/locks/${id}`;
    if (input.kind === 'read') return { method: 'GET', path };
    const { owner } = input;
    if (input.kind === 'acquire')
      return { method: 'PUT', path, body: { owner, ttl_seconds: input.lease_ms / 1000 } };
    const { token } = input;
    return input.kind === 'renew'
      ? { method: 'POST', path: `${path}/renew`, body: { owner, token } }
      : { method: 'DELETE', path: `${path}?owner=${owner}&token=${token}` };
  },
  output: (input: LockInput, { status, members }): LockOutput | undefined => {
    const { token, holder, owner } = members;
    if (input.kind === 'read')
      return status === 404
        ? { kind: 'seen', held: null }
        : { kind: 'seen', held: named(owner, token) };
    if (status === 200)
      return input.kind === 'acquire'
        ? { kind: 'granted', token: Number(token) }
        : { kind: 'done' };
    if (members.code === 'already-claimed')
      return { kind: 'refused', holder: String(holder), token: Number(token) };
    return members.code === 'stale-token'
      ? { kind: 'stale', held: named(holder, token) }
      : undefined;
  },
};

const WORK_DOOR: Door = {
  question: (work_id, input: WorkInput) => {
    const path = `/v1/work/${work_id}`;
    if (input.kind === 'read') return { method: 'GET', path };
    if (input.kind === 'add') {
      const body = { work_id, max_attempts: 1000, timeout_seconds: TIMEOUT_SECONDS };
      return { method: 'POST', path: '/v1/work', body };
    }
    if (input.kind === 'claim') {
      const body = { work_id, node_id: input.node, lease_seconds: input.lease_ms / 1000 };
      return { method: 'POST', path: '/v1/work/claim', body };
    }
    const { kind, token } = input;
    const failure = kind === 'fail' ? { error: 'as wished', retryable: false } : {};
    return { method: 'POST', path: `${path}/${kind}`, body: { token, ...failure } };
  },
  output: (input: WorkInput, { status, members }): WorkOutput | undefined => {
    const { code, token, holder, reason } = members;
    if (status === 404) return { kind: 'missing' };
    if (input.kind === 'read') return standing(members);
    if (status === 200) {
      if (input.kind === 'add') return { kind: 'added' };
      return input.kind === 'claim' ? { kind: 'granted', token: Number(token) } : { kind: 'done' };
    }
    if (code === 'exists') return { kind: 'exists' };
    if (code === 'already-claimed')
      return { kind: 'taken', holder: String(holder), token: Number(token) };
    if (code === 'stale-token')
      return { kind: 'stale', held: reason === 'expired' ? null : named(holder, token) };
    return code === 'illegal-transition' ? { kind: 'illegal' } : undefined;
  },
};

/** A claim past its deadline is void, whatever the status still says. */
function standing(members: Members): WorkOutput | undefined {
  const { status, claimed_by, token, deadline_at } = members;
  if (status === 'pending') return { kind: 'waiting' };
  if (status === 'completed' || status === 'failed') return { kind: 'over', status };
  if (status !== 'claimed' && status !== 'running') return undefined;
  if (deadline_at === null) return { kind: 'waiting' };
  const started = status === 'running';
  return { kind: 'held', started, holder: String(claimed_by), token: Number(token) };
}

const QUEUE_DOOR: Door = {
  question: (id, input: GuardedInput) => {
    const path = `/v1/queues/${id}`;
    if (input.kind === 'read') return { method: 'GET', path };
    return {
      method: 'PUT',
      path,
      headers: conditionOf(input.if),
      body: { hard: VALUE_BASE + input.value },
    };
  },
  output: (input: GuardedInput, { status, members }): GuardedOutput | undefined => {
    const { index, limits, changed_index } = members;
    if (input.kind === 'read') {
      if (status === 404) return { kind: 'seen', index: 0, value: 0 };
      const value = Number(limits?.hard) - VALUE_BASE;
      return { kind: 'seen', index: Number(changed_index), value };
    }
    if (status === 200) return { kind: 'written', index: Number(index) };
    return status === 412 ? { kind: 'changed', index: Number(index) } : undefined;
  },
};

function conditionOf(wanted: number | null): Readonly<Record<string, string>> {
  if (wanted === null) return {};
  return wanted === 0 ? { 'if-none-match': '*' } : { 'if-match': `"${wanted}"` };
}

function named(holder: string | null | undefined, token: number | null | undefined): Named | null {
  return typeof holder === 'string' && typeof token === 'number' ? { holder, token } : null;
}

const DOORS: Readonly<Record<string, Door>> = {
  lock: LOCK_DOOR,
  work: WORK_DOOR,
  queue: QUEUE_DOOR,
};

/** What can be asked of the service; a register it has none. */
export const SERVED: readonly string[] = Object.keys(DOORS);

function doorOf(key: string): Door {
  const door = DOORS[key.split('/')[0] ?? ''];
  if (door === undefined) throw new Error(`the service has no ${key}`);
  return door;
}

export function questionOf(key: string, input: unknown): Question {
  return doorOf(key).question(key.replace('/', ':'), input);
}

/** @throws when the reply is none that was promised */
export function meaningOf(key: string, input: unknown, reply: Reply): Meaning {
  const { status, members } = reply;
  const { code = `status-${status}` } = members;
  if (NOTHING.has(code)) return { kind: 'nothing', code };
  if (status >= 500 || code.startsWith('idempotency-')) return { kind: 'unknown', code };
  const output = doorOf(key).output(input, reply);
  if (output === undefined)
    throw new Error(`${key}, ${JSON.stringify(input)}: ${JSON.stringify(reply)}`);
  // The index of a failed precondition is that of the last change, not of this entry.
  const isEntry = typeof members.index === 'number' && status !== 412;
  return { kind: 'answer', output, ...(isEntry ? { entry: members.index } : {}) };
}
