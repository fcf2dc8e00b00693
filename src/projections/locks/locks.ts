/**
 * Locks: named, owned for a time, fenced.
 *
 * ```
 *                 acquire                    renew, acquire again
 *            ┌───────────────▶ held ◀──────────────────┐
 *            │                 │ │ └───────────────────┘
 *   (no row) ◀──── release ────┘ │
 *      ▲  ▲                      │ past its deadline, announced by expire_lock
 *      │  └──── no lock delay ───┴──── lock delay ───▶ delayed
 *      └──────────────── the delay is over ───────────────┘
 * ```
 *
 * A lock is never taken from an owner whose lease runs. Past its deadline it is void for every rule at
 * once, announced or not (`grants.ts`). An owner that acquires what it holds gets a new token, so that a
 * restarted process does not share the token of the one before it. A lock that was lost, not released,
 * may be kept from everyone for a while (`lock_delay_seconds`), so that what its last holder sent before
 * it noticed can arrive first.
 */
import { z } from 'zod';
import { assert } from '../assert.ts';
import { secondsUntil, voidAt } from '../grants.ts';
import { IDENTIFIER, TOKEN } from '../identifier.ts';
import { refuse, type Refusal } from '../outcome.ts';
import {
  command,
  type Decision,
  type Due,
  DUTIES_MAX,
  type Moment,
  projection,
  type ReadonlyTables,
  type Ruling,
  type WritableTables,
} from '../projection.ts';
import { copyOf, LOCKS, type LockRow, type Standing, standingOf } from './lock-table.ts';

/** Rows at once; beyond, acquiring another lock is refused with `backpressure`. */
export const LOCKS_MAX = 100_000;
/** When to try again where there is no room: some lease or other ends every few seconds. */
const RETRY_SECONDS = 10;
const TTL_SECONDS_MAX = 24 * 60 * 60;
const LOCK_DELAY_SECONDS_MAX = 60 * 60;

interface Grip {
  readonly name: string;
  readonly owner: string;
  readonly token: number;
}

type Facts =
  | ({
      readonly type: 'lock_acquired';
      readonly deadline_at: number;
      readonly lease_ms: number;
      readonly lock_delay_ms: number;
      readonly acquired_count: number;
    } & Grip)
  | ({ readonly type: 'lock_renewed'; readonly deadline_at: number } & Grip)
  | ({ readonly type: 'lock_released' } & Grip)
  | ({ readonly type: 'lock_delayed'; readonly blocked_until: number } & Grip)
  /** The lease, or the delay after it, is over: the lock is free. */
  | ({ readonly type: 'lock_expired' } & Grip);

const acquireSchema = z.object({
  name: IDENTIFIER,
  owner: IDENTIFIER,
  ttl_seconds: z.int().min(1).max(TTL_SECONDS_MAX).default(300),
  lock_delay_seconds: z.int().min(0).max(LOCK_DELAY_SECONDS_MAX).default(0),
});

function acquire(ruling: Ruling, wanted: z.output<typeof acquireSchema>): Decision {
  const { name, owner } = wanted;
  const locks = ruling.tables.of(LOCKS);
  const obstacle = obstacleTo(owner, standingOf(locks.get(name), ruling), ruling);
  if (obstacle !== undefined) return obstacle;
  if (locks.size >= LOCKS_MAX && !locks.has(name))
    return refuse('backpressure', 'too many locks', {
      limit: LOCKS_MAX,
      retry_after_seconds: RETRY_SECONDS,
    });
  const lease_ms = wanted.ttl_seconds * 1000;
  ruling.emit<Facts>({
    type: 'lock_acquired',
    name,
    owner,
    token: ruling.token,
    deadline_at: ruling.at + lease_ms,
    lease_ms,
    lock_delay_ms: wanted.lock_delay_seconds * 1000,
    acquired_count: timesInARow(locks.get(name), owner) + 1,
  });
  return undefined;
}

function obstacleTo(owner: string, standing: Standing, moment: Moment): Refusal | undefined {
  if (standing.kind === 'free') return undefined;
  const seconds = secondsUntil(standing.until, moment.at);
  if (standing.kind === 'delayed')
    return refuse('conflict', 'the lock was lost and its delay still runs', {
      retry_after_seconds: seconds,
    });
  const { owner: holder, token } = standing.row;
  if (holder === owner) return undefined;
  return refuse('already-claimed', `${holder} holds the lock`, {
    holder,
    token,
    expires_in: seconds,
  });
}

function timesInARow(before: LockRow | undefined, owner: string): number {
  return before?.owner === owner ? before.acquired_count : 0;
}

/** What a caller says it holds; the sources' way of releasing knows no tokens. */
interface Claim {
  readonly name: string;
  readonly owner: string;
  readonly token: number | null;
}

/** The lock as the claimant holds it, or why it does not. */
function gripOf(ruling: Ruling, claim: Claim): Extract<Standing, { kind: 'held' }> | Refusal {
  const standing = standingOf(ruling.tables.of(LOCKS).get(claim.name), ruling);
  if (standing.kind !== 'held') return unheld(claim);
  return matches(standing.row, claim) ? standing : stale(standing.row);
}

/** Without a token the owner's word counts, as long as there was only one it can be speaking of. */
function matches(row: LockRow, { owner, token }: Claim): boolean {
  if (row.owner !== owner) return false;
  return token === null ? row.acquired_count === 1 : row.token === token;
}

function unheld({ token }: Claim): Refusal {
  return token === null
    ? refuse('not-found', 'nobody holds the lock')
    : refuse('stale-token', 'nobody holds the lock any more', { holder: null, token: null });
}

function stale({ owner, token }: LockRow): Refusal {
  return refuse('stale-token', `${owner} holds the lock with token ${token}`, {
    holder: owner,
    token,
  });
}

const held = z.object({ name: IDENTIFIER, owner: IDENTIFIER, token: TOKEN });
const released = held.extend({ token: TOKEN.nullable().default(null) });

function renew(ruling: Ruling, claim: Claim): Decision {
  const grip = gripOf(ruling, claim);
  if (grip.kind === 'refused') return grip;
  const { name, owner, token, lease_ms } = grip.row;
  const deadline_at = ruling.at + lease_ms;
  ruling.emit<Facts>({ type: 'lock_renewed', name, owner, token, deadline_at });
  return undefined;
}

function release(ruling: Ruling, claim: Claim): Decision {
  const grip = gripOf(ruling, claim);
  if (grip.kind === 'refused') return grip;
  const { name, owner, token } = grip.row;
  ruling.emit<Facts>({ type: 'lock_released', name, owner, token });
  return undefined;
}

/** What is to be announced of a row now, if anything: its end, or the beginning of its delay. */
function endOf(row: LockRow, moment: Moment): Facts | undefined {
  const { name, owner, token } = row;
  const standing = standingOf(row, moment);
  if (standing.kind === 'free') return { type: 'lock_expired', name, owner, token };
  if (standing.kind === row.state) return undefined;
  return { type: 'lock_delayed', name, owner, token, blocked_until: standing.until };
}

const expireSchema = z.object({
  locks: z.array(z.object({ name: IDENTIFIER, token: TOKEN })).max(DUTIES_MAX),
});

function announceEnd(ruling: Ruling, { name, token }: { name: string; token: number }): void {
  const row = ruling.tables.of(LOCKS).get(name);
  const end = row?.token === token ? endOf(row, ruling) : undefined;
  if (end !== undefined) ruling.emit<Facts>(end);
}

function due(tables: ReadonlyTables, moment: Moment): Due {
  const passed = passedRows(tables, moment);
  const ended = passed.filter((row) => endOf(row, moment) !== undefined);
  if (ended.length === 0) return { duties: [], next_at: nextEnd(tables, moment, passed) };
  const locks = ended.map(({ name, token }) => ({ name, token }));
  return { duties: [{ type: 'expire_lock', data: { locks } }], next_at: moment.at };
}

/** Rows whose deadline or delay has passed, oldest first; a new term may still let some of them live. */
function passedRows(tables: ReadonlyTables, moment: Moment): LockRow[] {
  const passed: LockRow[] = [];
  for (const row of tables.of(LOCKS).passed('by_end', moment.at)) {
    if (passed.length === DUTIES_MAX) break;
    passed.push(row);
  }
  return passed;
}

/** When to look again: a lease that was renewed since may be looked at too soon, once. */
function nextEnd(
  tables: ReadonlyTables,
  moment: Moment,
  passed: readonly LockRow[],
): number | undefined {
  const ends = passed.map((row) => voidAt(row, moment));
  const coming = tables.of(LOCKS).soonest('by_end', moment.at);
  if (coming !== undefined) ends.push(coming);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

function lockChanged(tables: ReadonlyTables, data: { readonly name: string }): number {
  return tables.of(LOCKS).get(data.name)?.changed_index ?? 0;
}

/** The row a fact speaks of, to be changed and put: a copy, since rows are never changed. */
function changing(tables: WritableTables, name: string): ReturnType<typeof copyOf> {
  const row = tables.of(LOCKS).get(name);
  assert(row !== undefined, 'a fact about a lock speaks of a row');
  return copyOf(row);
}

export const locks = projection<Facts>({
  name: 'locks',
  summary: 'Named locks with a lease and a fencing token.',
  tables: [LOCKS],
  commands: {
    acquire_lock: command({
      summary: 'Takes a free lock; its owner takes it anew, with a new token.',
      traffic: 'dispatch',
      schema: acquireSchema,
      changed: lockChanged,
      decide: acquire,
    }),
    renew_lock: command({
      summary: 'Starts the lease of a held lock anew.',
      traffic: 'control',
      schema: held,
      changed: lockChanged,
      decide: renew,
    }),
    release_lock: command({
      summary: 'Gives a held lock back. Without a token: only if it was acquired once.',
      traffic: 'control',
      schema: released,
      changed: lockChanged,
      decide: release,
    }),
    expire_lock: command({
      summary: 'Announces that leases or lock delays have ended.',
      origin: 'duty',
      traffic: 'control',
      schema: expireSchema,
      decide: (ruling, { locks: ended }) => {
        for (const lock of ended) announceEnd(ruling, lock);
        return undefined;
      },
    }),
  },
  folds: {
    // Named one by one, as in a copy of a row: what is spread is five times as long on its way.
    lock_acquired: (tables, granted, moment) =>
      tables.of(LOCKS).put({
        name: granted.name,
        owner: granted.owner,
        token: granted.token,
        acquired_at: moment.at,
        deadline_at: granted.deadline_at,
        lease_ms: granted.lease_ms,
        lock_delay_ms: granted.lock_delay_ms,
        blocked_until: null,
        state: 'held',
        acquired_count: granted.acquired_count,
        changed_index: moment.index,
      }),
    lock_renewed: (tables, { name, deadline_at }, moment) => {
      const row = changing(tables, name);
      row.deadline_at = deadline_at;
      row.changed_index = moment.index;
      tables.of(LOCKS).put(row);
    },
    lock_delayed: (tables, { name, blocked_until }, moment) => {
      const row = changing(tables, name);
      row.state = 'delayed';
      row.blocked_until = blocked_until;
      row.changed_index = moment.index;
      tables.of(LOCKS).put(row);
    },
    lock_released: (tables, { name }) => tables.of(LOCKS).remove(name),
    lock_expired: (tables, { name }) => tables.of(LOCKS).remove(name),
  },
  due,
});
