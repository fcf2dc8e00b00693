import { beforeEach, describe, expect, test } from 'vitest';
import type { RetryMark } from '../../src/log/command.ts';
import type { Outcome, RefusalCode } from '../../src/projections/outcome.ts';
import { rules } from '../../src/projections/rules.ts';
import {
  KEY_WINDOW_MS,
  KEYS,
  KEYS_MAX,
  SEQUENCES,
  SESSION_IDLE_MS,
  SESSION_WINDOW,
  SESSIONS,
  sessions,
  SESSIONS_MAX,
} from '../../src/projections/sessions.ts';
import { cutSnapshot } from '../../src/projections/snapshot.ts';
import { encoded, restoredFrom } from './chronicle.ts';
import { tally, TALLIES } from './tally.ts';
import { expectDerivedFromRows, stateOf, Timeline } from './timeline.ts';

const PROJECTIONS = [rules, sessions, tally];

let time: Timeline;

beforeEach(() => {
  time = new Timeline({ projections: PROJECTIONS });
});

function sum(): number {
  return time.machine.tables.of(TALLIES).get('t')?.sum ?? 0;
}

function once(mark: RetryMark, actor = 'ann'): Outcome {
  return time.apply('add', {}, { once: mark, actor });
}

function keyed(key: string, print = 'body', actor = 'ann'): Outcome {
  return once({ key, print }, actor);
}

/** A UUIDv7 that carries a time. */
function uuidAt(at: number): string {
  const hex = at.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7abc-8def-0123456789ab`;
}

describe('idempotency keys', () => {
  test('I4: a command retried with its key is applied once and answered with the first outcome', () => {
    expect(keyed('k').kind).toBe('applied');
    expect(keyed('k')).toEqual({ kind: 'replayed', of: 1 });
    expect(keyed('k')).toEqual({ kind: 'replayed', of: 1 });
    expect(sum()).toBe(1);
  });

  test('I4: to the last millisecond of the window a retry is answered, after it refused, never applied', () => {
    keyed('k');
    time.pass(KEY_WINDOW_MS);
    expect(keyed('k')).toEqual({ kind: 'replayed', of: 1 });
    time.pass(1);
    expect(keyed('k')).toMatchObject({ code: 'idempotency-expired', about: { index: 1 } });
    time.pass(100 * KEY_WINDOW_MS);
    expect(keyed('k')).toMatchObject({ code: 'idempotency-expired' });
    expect(sum()).toBe(1);
  });

  test('I4: a key with another request is a mismatch, and the first request can still be retried', () => {
    keyed('k');
    expect(keyed('k', 'another body')).toMatchObject({
      code: 'idempotency-mismatch',
      about: { index: 1 },
    });
    expect(keyed('k')).toEqual({ kind: 'replayed', of: 1 });
    expect(sum()).toBe(1);
  });

  test('a key belongs to its actor', () => {
    keyed('k', 'body', 'ann');
    expect(keyed('k', 'another body', 'bob').kind).toBe('applied');
    expect(sum()).toBe(2);
  });

  const remembered: readonly (readonly [string, string, object])[] = [
    ['refused', 'add_then_refuse', {}],
    ['a fault of the rule', 'add_then_throw', {}],
    ['skipped as unknown', 'not_a_command', {}],
  ];
  test.each(remembered)('an outcome that is %s is remembered like any other', (_, type, data) => {
    const mark = { once: { key: 'k', print: 'body' } };
    expect(time.apply(type, data, mark).kind).not.toBe('replayed');
    expect(time.apply(type, data, mark)).toEqual({ kind: 'replayed', of: 1 });
  });

  const forgotten: readonly RefusalCode[] = ['backpressure', 'upgrade-required'];
  test.each(forgotten)(
    'I4: %s invites a retry with the same key, so it is not remembered',
    (code) => {
      const mark = { once: { key: 'k', print: 'body' } };
      expect(time.apply('add_then_refuse', { code }, mark)).toMatchObject({ code });
      expect(time.machine.tables.of(KEYS).size).toBe(0);
      expect(keyed('k').kind).toBe('applied');
      expect(keyed('k')).toEqual({ kind: 'replayed', of: 2 });
    },
  );

  test('I4: a UUIDv7 older than the window is refused though it was never seen', () => {
    const old = uuidAt(time.at - KEY_WINDOW_MS - 1);
    expect(keyed(old)).toMatchObject({ code: 'idempotency-expired' });
    expect(keyed(old.toUpperCase())).toMatchObject({ code: 'idempotency-expired' });
    expect(sum()).toBe(0);
    expect(keyed(uuidAt(time.at - KEY_WINDOW_MS)).kind).toBe('applied');
    expect(keyed(uuidAt(time.at + 1000)).kind).toBe('applied');
  });

  test('a UUID of another version carries no time', () => {
    expect(keyed('00000000-0000-4abc-8def-0123456789ab').kind).toBe('applied');
  });
});

describe(`I4, I8: ${KEYS_MAX} keys are remembered`, () => {
  /** The first key is a millisecond older than the rest. */
  function fill(): void {
    for (let place = 0; place < KEYS_MAX; place++)
      time.machine.apply({
        type: 'not_a_command',
        data: {},
        once: { key: `k${place}`, print: 'body' },
        actor: 'ann',
        index: place + 1,
        term: 1,
        at: time.at + Math.min(place, 1),
      });
    time.pass(1);
  }

  test('beyond, new keys get backpressure, and none inside its window is given up early', () => {
    fill();
    const first = { kind: 'replayed', of: 1 };
    const tooMany = { code: 'backpressure', about: { limit: KEYS_MAX } };
    expect(keyed('new')).toMatchObject(tooMany);
    time.pass(KEY_WINDOW_MS - 1);
    expect(keyed('new')).toMatchObject(tooMany);
    expect(keyed('k0')).toEqual(first);
    expect(time.apply('add').kind).toBe('applied');
    time.pass(1);
    expect(keyed('new').kind).toBe('applied');
    expect(time.machine.tables.of(KEYS).size).toBe(KEYS_MAX);
    expect(time.machine.tables.of(KEYS).has('ann\u0000k0')).toBe(false);
    expect(keyed('k1')).toEqual({ kind: 'replayed', of: 2 });
    expect(keyed('newer')).toMatchObject(tooMany);
    time.pass(1);
    expect(keyed('newer').kind).toBe('applied');
    expect(sum()).toBe(3);
  });
});

describe('sessions', () => {
  function opened(actor = 'ann'): number {
    expect(time.apply('open_session', {}, { actor }).kind).toBe('applied');
    return time.machine.position.index;
  }

  test('a session is named by the index of its entry', () => {
    time.apply('add');
    const session = opened();
    expect(session).toBe(2);
    expect(time.machine.tables.of(SESSIONS).get('2')).toEqual({
      session,
      actor: 'ann',
      last_seq: 0,
      last_at: time.at,
    });
  });

  test('I4: a sequence number is applied once and answered with the first outcome', () => {
    const session = opened();
    expect(once({ session, seq: 1 }).kind).toBe('applied');
    expect(once({ session, seq: 2 }).kind).toBe('applied');
    expect(once({ session, seq: 1 })).toEqual({ kind: 'replayed', of: 2 });
    expect(once({ session, seq: 2 })).toEqual({ kind: 'replayed', of: 3 });
    expect(sum()).toBe(2);
  });

  test('I4: a number that was skipped, or is behind the window, is refused, never applied', () => {
    const session = opened();
    once({ session, seq: 2 });
    expect(once({ session, seq: 1 })).toMatchObject({ code: 'idempotency-expired' });
    const { index } = time.machine.position;
    once({ session, seq: 2 + SESSION_WINDOW });
    expect(once({ session, seq: 2 })).toMatchObject({ code: 'idempotency-expired' });
    expect(once({ session, seq: 2 + SESSION_WINDOW })).toEqual({ kind: 'replayed', of: index + 1 });
    expect(sum()).toBe(2);
  });

  test(`I8: a session remembers ${SESSION_WINDOW} numbers`, () => {
    const session = opened();
    for (let seq = 1; seq <= SESSION_WINDOW + 10; seq++) once({ session, seq });
    expect(time.machine.tables.of(SEQUENCES).size).toBe(SESSION_WINDOW);
    expect(once({ session, seq: 11 })).toEqual({ kind: 'replayed', of: 12 });
    expect(once({ session, seq: 10 })).toMatchObject({ code: 'idempotency-expired' });
  });

  test('a refusal that invites a retry does not use up its number', () => {
    const session = opened();
    const mark = { once: { session, seq: 1 }, actor: 'ann' };
    time.apply('add_then_refuse', { code: 'backpressure' }, mark);
    expect(once({ session, seq: 1 }).kind).toBe('applied');
  });

  test("another actor's session is refused and left as it was", () => {
    const session = opened('ann');
    const before = time.machine.tables.of(SESSIONS).get(String(session));
    expect(once({ session, seq: 7 }, 'bob')).toMatchObject({ code: 'idempotency-expired' });
    expect(time.apply('close_session', { session }, { actor: 'bob' })).toMatchObject({
      code: 'not-found',
    });
    expect(time.machine.tables.of(SESSIONS).get(String(session))).toBe(before);
    expect(once({ session, seq: 1 }).kind).toBe('applied');
  });

  test('a closed session forgets its numbers and takes no more commands', () => {
    const session = opened();
    once({ session, seq: 1 });
    expect(time.apply('close_session', { session }, { actor: 'ann' }).kind).toBe('applied');
    expect(time.machine.tables.of(SEQUENCES).size).toBe(0);
    for (const seq of [1, 2])
      expect(once({ session, seq })).toMatchObject({ code: 'idempotency-expired' });
    expect(sum()).toBe(1);
  });

  test('a session may be closed from inside itself', () => {
    const session = opened();
    const mark = { once: { session, seq: 1 }, actor: 'ann' };
    expect(time.apply('close_session', { session }, mark).kind).toBe('applied');
    expect(time.machine.tables.of(SEQUENCES).size).toBe(0);
  });

  test('an unused session is closed after an hour, by a duty that looks again', () => {
    const [idle, busy] = [opened(), opened()];
    expect(time.machine.due(time.at).next_at).toBe(time.at + 5000);
    time.pass(SESSION_IDLE_MS);
    once({ session: busy, seq: 1 });
    const { duties } = time.machine.due(time.at);
    expect(duties).toEqual([{ type: 'close_idle_sessions', data: { sessions: [idle] } }]);
    time.apply('close_idle_sessions', { sessions: [idle, busy, 999] });
    expect([...time.machine.tables.of(SESSIONS).rows()].map(({ session }) => session)).toEqual([
      busy,
    ]);
  });

  test('I8: idle sessions are closed a few at a time, since each may take many rows with it', () => {
    for (let count = 0; count < 100; count++) opened();
    time.pass(SESSION_IDLE_MS);
    const [duty] = time.machine.due(time.at).duties;
    expect(duty?.data['sessions']).toHaveLength(32);
    time.tidy();
    expect(time.machine.tables.of(SESSIONS).size).toBe(0);
  });

  test(`I8: session number ${SESSIONS_MAX + 1} is refused with backpressure`, () => {
    for (let count = 0; count < SESSIONS_MAX; count++) opened();
    expect(time.apply('open_session')).toMatchObject({
      code: 'backpressure',
      about: { limit: SESSIONS_MAX },
    });
  });
});

test('I4: who begins from a snapshot recognises what was asked before', async () => {
  time.apply('open_session', {}, { actor: 'ann' });
  const marks = [
    { session: 1, seq: 1 },
    { key: 'k', print: 'body' },
  ];
  for (const mark of marks) expect(once(mark).kind).toBe('applied');
  const { bytes } = encoded(cutSnapshot(time.machine));
  const restored = await restoredFrom(bytes, { projections: PROJECTIONS });
  const known = marks.map((mark) =>
    restored.recognise({ type: 'add', data: {}, actor: 'ann', once: mark }, time.at),
  );
  expect(known).toEqual([
    { kind: 'replayed', of: 2 },
    { kind: 'replayed', of: 3 },
  ]);
});

test('I3: keys and sessions are rebuilt by replay and from recorded outcomes alike', () => {
  const session = 1;
  time.apply('open_session', {}, { actor: 'ann' });
  for (const seq of [1, 2, 1, 2000, 2, 2001]) once({ session, seq });
  for (const key of ['a', 'b', 'a', uuidAt(1)]) keyed(key);
  time.pass(KEY_WINDOW_MS + 1);
  keyed('a');
  time.apply('add_then_throw', {}, { once: { key: 'c', print: '' } });
  time.apply('close_session', { session }, { actor: 'ann' });
  expectDerivedFromRows(time.machine);
  expect(stateOf(time.replayed())).toEqual(stateOf(time.machine));
  expect(stateOf(time.folded())).toEqual(stateOf(time.machine));
});
