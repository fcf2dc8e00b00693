import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GRACE_MS } from '../../../src/projections/term-start.ts';
import { listLocks, lockView } from '../../../src/projections/locks/lock-queries.ts';
import { LOCKS, type LockRow, standingOf } from '../../../src/projections/locks/lock-table.ts';
import { locks, LOCKS_MAX } from '../../../src/projections/locks/locks.ts';
import { DUTIES_MAX } from '../../../src/projections/projection.ts';
import { rules } from '../../../src/projections/rules.ts';
import { sessions } from '../../../src/projections/sessions.ts';
import { expectDerivedFromRows, factsOf, stateOf, Timeline, tokenOf } from '../timeline.ts';

const PROJECTIONS = [rules, sessions, locks];

function timeline(): Timeline {
  return new Timeline({ projections: PROJECTIONS });
}

function acquire(
  time: Timeline,
  owner: string,
  extras: object = {},
): ReturnType<Timeline['apply']> {
  return time.apply('acquire_lock', { name: 'door', owner, ...extras });
}

function view(time: Timeline): ReturnType<typeof lockView> {
  return lockView(time.machine.tables, time.machine.readingAt(time.at), 'door');
}

function row(time: Timeline): LockRow | undefined {
  return time.machine.tables.of(LOCKS).get('door');
}

describe('acquiring', () => {
  test('a free lock is granted with the index of its entry as token, for 300 s unless said otherwise', () => {
    const time = timeline();
    time.apply('open_session');
    expect(factsOf(acquire(time, 'a'))).toEqual([
      {
        type: 'lock_acquired',
        name: 'door',
        owner: 'a',
        token: 2,
        deadline_at: time.at + 300_000,
        lease_ms: 300_000,
        lock_delay_ms: 0,
        acquired_count: 1,
      },
    ]);
    expect(view(time)).toMatchObject({ state: 'held', owner: 'a', token: 2, expires_in: 300 });
  });

  test('I5: a held lock is refused to others, naming holder, token and the seconds that remain', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30 });
    const before = stateOf(time.machine);
    time.pass(28_001);
    expect(acquire(time, 'b')).toMatchObject({
      kind: 'refused',
      code: 'already-claimed',
      about: { holder: 'a', token: 1, expires_in: 2 },
    });
    time.pass(1_998);
    expect(acquire(time, 'b')).toMatchObject({ about: { expires_in: 1 } });
    expect(stateOf(time.machine)).toMatchObject({
      rows: (before as { rows: Record<string, unknown> }).rows,
    });
  });

  test('an owner that acquires its own lock again gets a new token, and the old one is stale', () => {
    const time = timeline();
    const first = tokenOf(acquire(time, 'a'));
    const second = tokenOf(acquire(time, 'a'));
    expect(second).toBeGreaterThan(first);
    const claim = { name: 'door', owner: 'a' };
    expect(time.apply('renew_lock', { ...claim, token: first })).toMatchObject({
      code: 'stale-token',
      about: { holder: 'a', token: second },
    });
    expect(time.apply('renew_lock', { ...claim, token: second }).kind).toBe('applied');
  });

  test('a lock past its deadline is free at once, announced or not', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30 });
    time.pass(30_000);
    expect(tokenOf(acquire(time, 'b'))).toBe(2);
  });

  test('a question is answered from the log alone: a lock is held until an entry comes past its deadline', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30 });
    time.pass(30_000);
    expect(view(time)).toMatchObject({ state: 'held', expires_in: 1 });
    time.apply('open_session');
    expect(view(time)).toBeUndefined();
  });

  test('a lock that was over in one term stays over in the next, announced or not', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30 });
    time.pass(30_000);
    time.apply('open_session');
    time.term = 2;
    time.apply('open_session');
    expect(view(time)).toBeUndefined();
    expect(acquire(time, 'b').kind).toBe('applied');
  });

  test('leaders that come and go within the grace spare what the first of them spared', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30 });
    time.pass(31_000);
    for (const term of [2, 3, 4]) {
      time.term = term;
      time.apply('open_session');
      time.pass(GRACE_MS - 1);
      time.apply('open_session');
      expect(view(time)).toMatchObject({ state: 'held', token: 1 });
    }
    time.pass(1);
    time.apply('open_session');
    time.term = 5;
    time.apply('open_session');
    expect(view(time)).toBeUndefined();
  });

  test('a lease shorter than the grace is spared by the next leader only', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 2 });
    time.pass(3_000);
    time.term = 2;
    time.apply('open_session');
    expect(view(time)).toMatchObject({ state: 'held', token: 1 });
    time.pass(2_000);
    time.apply('open_session');
    expect(view(time)).toBeUndefined();
    time.term = 3;
    time.apply('open_session');
    expect(view(time)).toBeUndefined();
  });

  test('in the first seconds of a term a lock outlives its deadline, since nobody could renew it', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30 });
    time.pass(30_000);
    time.term = 2;
    expect(acquire(time, 'b')).toMatchObject({ about: { expires_in: GRACE_MS / 1000 } });
    time.pass(GRACE_MS - 1);
    expect(acquire(time, 'b')).toMatchObject({ code: 'already-claimed' });
    time.pass(1);
    expect(acquire(time, 'b').kind).toBe('applied');
  });

  test(`I8: lock number ${LOCKS_MAX + 1} is refused with backpressure; a known lock is not`, () => {
    const time = timeline();
    const schemaless = { owner: 'a', ttl_seconds: 300, lock_delay_seconds: 0 };
    for (let index = 1; index <= LOCKS_MAX; index++)
      time.machine.apply({
        type: 'acquire_lock',
        data: { name: `lock-${index}`, ...schemaless },
        index,
        term: 1,
        at: time.at,
      });
    expect(time.apply('acquire_lock', { name: 'one-more', owner: 'a' })).toMatchObject({
      code: 'backpressure',
      about: { limit: LOCKS_MAX },
    });
    expect(time.apply('acquire_lock', { name: 'lock-1', owner: 'a' }).kind).toBe('applied');
  });
});

describe('renewing and releasing', () => {
  test('renewing starts the lease anew and keeps the token', () => {
    const time = timeline();
    const token = tokenOf(acquire(time, 'a', { ttl_seconds: 30 }));
    time.pass(20_000);
    expect(factsOf(time.apply('renew_lock', { name: 'door', owner: 'a', token }))).toEqual([
      { type: 'lock_renewed', name: 'door', owner: 'a', token, deadline_at: time.at + 30_000 },
    ]);
    expect(view(time)).toMatchObject({ token, expires_in: 30 });
  });

  test('a lease that is over cannot be renewed, announced or not', () => {
    const time = timeline();
    const token = tokenOf(acquire(time, 'a', { ttl_seconds: 30 }));
    time.pass(30_000);
    const refusal = { code: 'stale-token', about: { holder: null, token: null } };
    expect(time.apply('renew_lock', { name: 'door', owner: 'a', token })).toMatchObject(refusal);
    time.tidy();
    expect(time.apply('renew_lock', { name: 'door', owner: 'a', token })).toMatchObject(refusal);
  });

  test('a released lock is free for anyone at once, even with a lock delay', () => {
    const time = timeline();
    const token = tokenOf(acquire(time, 'a', { lock_delay_seconds: 60 }));
    time.apply('release_lock', { name: 'door', owner: 'a', token });
    expect(view(time)).toBeUndefined();
    expect(acquire(time, 'b').kind).toBe('applied');
  });

  test('without a token an owner can release what it acquired once', () => {
    const time = timeline();
    expect(time.apply('release_lock', { name: 'door', owner: 'a' })).toMatchObject({
      code: 'not-found',
    });
    acquire(time, 'a');
    expect(time.apply('release_lock', { name: 'door', owner: 'b' })).toMatchObject({
      code: 'stale-token',
      about: { holder: 'a', token: 2 },
    });
    expect(time.apply('release_lock', { name: 'door', owner: 'a' }).kind).toBe('applied');
  });

  test('without a token an owner cannot release what it acquired twice: the word may be an old one', () => {
    const time = timeline();
    acquire(time, 'a');
    const token = tokenOf(acquire(time, 'a'));
    expect(time.apply('release_lock', { name: 'door', owner: 'a' })).toMatchObject({
      code: 'stale-token',
    });
    expect(time.apply('release_lock', { name: 'door', owner: 'a', token }).kind).toBe('applied');
  });

  test('a token above any that was granted is as stale as an old one', () => {
    const time = timeline();
    acquire(time, 'a');
    const claim = { name: 'door', owner: 'a', token: Number.MAX_SAFE_INTEGER };
    expect(time.apply('release_lock', claim)).toMatchObject({ code: 'stale-token' });
    expect(acquire(time, 'a').kind).toBe('applied');
  });

  test('a conditional command is refused once the lock has changed', () => {
    const time = timeline();
    const token = tokenOf(acquire(time, 'a'));
    time.apply('renew_lock', { name: 'door', owner: 'a', token });
    const release = { name: 'door', owner: 'a', token };
    expect(time.apply('release_lock', release, { if_index: 1 })).toMatchObject({
      code: 'precondition-failed',
      about: { index: 2 },
    });
    expect(time.apply('release_lock', release, { if_index: 2 }).kind).toBe('applied');
    expect(time.apply('acquire_lock', release, { if_index: 0 }).kind).toBe('applied');
  });
});

describe('the end of a lease', () => {
  test('is due at the deadline, and announcing it frees the row', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30 });
    expect(time.machine.due(time.at)).toEqual({ duties: [], next_at: time.at + 30_000 });
    time.pass(30_000);
    expect(time.machine.due(time.at).duties).toEqual([
      { type: 'expire_lock', data: { locks: [{ name: 'door', token: 1 }] } },
    ]);
    time.tidy();
    expect(row(time)).toBeUndefined();
    expect(time.machine.due(time.at)).toEqual({ duties: [], next_at: undefined });
  });

  test('that was renewed is looked at when it would have been over, and then when it will be', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30 });
    time.pass(20_000);
    expect(time.apply('renew_lock', { name: 'door', owner: 'a', token: 1 }).kind).toBe('applied');
    expect(time.machine.due(time.at)).toEqual({ duties: [], next_at: time.at + 10_000 });
    time.pass(10_000);
    expect(time.machine.due(time.at)).toEqual({ duties: [], next_at: time.at + 20_000 });
    time.pass(20_000);
    expect(time.machine.due(time.at).duties).toEqual([
      { type: 'expire_lock', data: { locks: [{ name: 'door', token: 1 }] } },
    ]);
  });

  test('is not announced for a grant that was renewed, or given anew, since it was due', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30 });
    time.pass(29_000);
    acquire(time, 'a', { ttl_seconds: 30 });
    time.pass(1_000);
    const late = {
      locks: [
        { name: 'door', token: 1 },
        { name: 'door', token: 2 },
        { name: 'x', token: 1 },
      ],
    };
    expect(factsOf(time.apply('expire_lock', late))).toEqual([]);
    expect(row(time)).toMatchObject({ token: 2 });
  });

  test('is announced for the grant that was named, not for a later one that is over too', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30 });
    acquire(time, 'a', { ttl_seconds: 30 });
    time.pass(30_000);
    expect(factsOf(time.apply('expire_lock', { locks: [{ name: 'door', token: 1 }] }))).toEqual([]);
    expect(factsOf(time.apply('expire_lock', { locks: [{ name: 'door', token: 2 }] }))).toEqual([
      { type: 'lock_expired', name: 'door', owner: 'a', token: 2 },
    ]);
  });

  test('waits for the grace of a new term, and says when it will be over', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30 });
    time.apply('acquire_lock', { name: 'gate', owner: 'a', ttl_seconds: 35 });
    time.pass(30_000);
    time.term = 2;
    time.apply('open_session');
    expect(time.machine.due(time.at)).toEqual({ duties: [], next_at: time.at + 5_000 });
    time.pass(5_000);
    expect(time.machine.due(time.at)).toEqual({ duties: [], next_at: time.at + 5_000 });
    time.pass(5_000);
    time.tidy();
    expect(time.machine.tables.of(LOCKS).size).toBe(0);
  });

  test(`I8: at most ${DUTIES_MAX} ends are announced by one entry; the rest is due at once`, () => {
    const time = timeline();
    for (let lock = 0; lock < DUTIES_MAX + 1; lock++)
      time.apply('acquire_lock', { name: `lock-${lock}`, owner: 'a', ttl_seconds: 1 });
    time.pass(1_000);
    const [duty] = time.machine.due(time.at).duties;
    expect(duty?.data['locks']).toHaveLength(DUTIES_MAX);
    expect(time.machine.due(time.at).next_at).toBe(time.at);
    time.tidy();
    expect(time.machine.tables.of(LOCKS).size).toBe(0);
  });
});

describe('the lock delay', () => {
  test('keeps a lost lock from everyone, counted from the end of the lease', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30, lock_delay_seconds: 15 });
    time.pass(35_000);
    for (const owner of ['a', 'b'])
      expect(acquire(time, owner)).toMatchObject({
        code: 'conflict',
        about: { retry_after_seconds: 10 },
      });
    time.tidy();
    expect(acquire(time, 'b')).toMatchObject({
      code: 'conflict',
      about: { retry_after_seconds: 10 },
    });
    expect(view(time)).toMatchObject({
      state: 'delayed',
      last_owner: 'a',
      retry_after_seconds: 10,
    });
    expect(time.machine.due(time.at).next_at).toBe(time.at + 10_000);
    time.pass(10_000);
    expect(acquire(time, 'b').kind).toBe('applied');
  });

  test('ends with the row, when nobody wants the lock', () => {
    const time = timeline();
    acquire(time, 'a', { ttl_seconds: 30, lock_delay_seconds: 15 });
    time.pass(30_000);
    time.tidy();
    expect(row(time)).toMatchObject({ state: 'delayed', blocked_until: time.at + 15_000 });
    time.pass(15_000);
    time.tidy();
    expect(row(time)).toBeUndefined();
  });

  test('gives the last holder nothing: it can neither renew nor release', () => {
    const time = timeline();
    const token = tokenOf(acquire(time, 'a', { ttl_seconds: 30, lock_delay_seconds: 15 }));
    time.pass(30_000);
    time.tidy();
    for (const type of ['renew_lock', 'release_lock'])
      expect(time.apply(type, { name: 'door', owner: 'a', token })).toMatchObject({
        code: 'stale-token',
      });
  });
});

test('trap 26: after 300 s a lock goes to the next, prolonging keeps it, a foreign release is refused', () => {
  const time = timeline();
  const token = tokenOf(acquire(time, 'a'));
  for (let renewal = 0; renewal < 4; renewal++) {
    time.pass(75_000);
    time.apply('renew_lock', { name: 'door', owner: 'a', token });
  }
  expect(acquire(time, 'b')).toMatchObject({ code: 'already-claimed', about: { holder: 'a' } });
  expect(time.apply('release_lock', { name: 'door', owner: 'b', token })).toMatchObject({
    code: 'stale-token',
    about: { holder: 'a', token },
  });
  time.pass(299_999);
  expect(acquire(time, 'b')).toMatchObject({ code: 'already-claimed' });
  time.pass(1);
  expect(acquire(time, 'b').kind).toBe('applied');
});

test('lists are in pages: all locks by name, or those of one owner; what is free is not shown', () => {
  const time = timeline();
  for (const name of ['c', 'a', 'b']) time.apply('acquire_lock', { name, owner: `owner-${name}` });
  time.apply('acquire_lock', { name: 'd', owner: 'owner-a', ttl_seconds: 1 });
  const { tables } = time.machine;
  const list = (request: Parameters<typeof listLocks>[2]): ReturnType<typeof listLocks> =>
    listLocks(tables, time.machine.readingAt(time.at), request);
  const first = list({ after: undefined, limit: 2 });
  expect(first.rows.map(({ name }) => name)).toEqual(['a', 'b']);
  const second = list({ after: first.next, limit: 2 });
  expect(second.rows.map(({ name }) => name)).toEqual(['c', 'd']);
  expect(second.next).toBeUndefined();
  const owned = { owner: 'owner-a', after: undefined, limit: 10 };
  expect(list(owned).rows.map(({ name }) => name)).toEqual(['a', 'd']);
  time.pass(1_000);
  time.apply('open_session');
  expect(list(owned).rows.map(({ name }) => name)).toEqual(['a']);
});

const OWNERS = ['a', 'b', 'c'];
const step = fc.oneof(
  fc.record({
    type: fc.constant('acquire_lock'),
    owner: fc.constantFrom(...OWNERS),
    ttl_seconds: fc.integer({ min: 1, max: 20 }),
    lock_delay_seconds: fc.constantFrom(0, 0, 5),
  }),
  fc.record({
    type: fc.constantFrom('renew_lock', 'release_lock'),
    owner: fc.constantFrom(...OWNERS),
    token: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant('current')),
  }),
  fc.record({ type: fc.constant('tidy') }),
  fc.record({ type: fc.constant('new term') }),
);

interface Asked {
  readonly type: string;
  readonly owner?: string;
  readonly token?: number | string;
}

/** The law, for one command: what stood before it, what was asked, what stands after it. */
function expectFenced(time: Timeline, asked: Asked): void {
  const before = row(time);
  const standing = standingOf(before, time.machine.momentAt(time.at));
  const token = asked.token === 'current' ? (before?.token ?? 1) : asked.token;
  const { kind } = time.apply(asked.type, { ...asked, name: 'door', token });
  if (kind === 'refused') expect(row(time)).toBe(before);
  else if (asked.type === 'acquire_lock') {
    if (standing.kind === 'held') expect(asked.owner).toBe(standing.row.owner);
    expect(standing.kind).not.toBe('delayed');
    expect(row(time)).toMatchObject({ owner: asked.owner, token: time.machine.position.index });
  } else expect(standing).toMatchObject({ kind: 'held', row: { owner: asked.owner, token } });
}

/** The law over all of the log: a grant of which a question was once told that it is over never comes back. */
class Told {
  readonly #over = new Set<number>();
  #held = 0;

  /** What a question is told now. */
  ask(time: Timeline): void {
    const told = view(time);
    const token = told?.state === 'held' ? told.token : 0;
    if (token !== this.#held) this.#over.add(this.#held);
    if (token !== 0) expect([...this.#over]).not.toContain(token);
    this.#held = token;
  }
}

const acts: Readonly<Record<string, (time: Timeline) => void>> = {
  tidy: (time) => time.tidy(),
  'new term': (time) => {
    time.term += 1;
    time.apply('open_session');
  },
};

test('I5: whatever is asked in whatever order, a lock has one holder and a stale token changes nothing', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 8_000 }), step), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (story) => {
      const [time, told] = [timeline(), new Told()];
      for (const [wait, asked] of story) {
        time.pass(wait);
        const act = acts[asked.type];
        if (act === undefined) expectFenced(time, asked);
        else act(time);
        told.ask(time);
      }
      expectDerivedFromRows(time.machine);
      expect(stateOf(time.replayed())).toEqual(stateOf(time.machine));
      expect(stateOf(time.folded())).toEqual(stateOf(time.machine));
    }),
    { numRuns: 300 },
  );
});
