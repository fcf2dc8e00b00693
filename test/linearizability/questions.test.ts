import { expect, test } from 'vitest';
import { meaningOf, questionOf } from './questions.ts';

const ACQUIRE = { kind: 'acquire', owner: 'c1', lease_ms: 4_000 };

function kindOf(status: number, code: string): string {
  return meaningOf('lock/a', ACQUIRE, { status, members: { code } }).kind;
}

test('a service that says that nothing was proposed is believed; one that does not know leaves it open', () => {
  expect(kindOf(503, 'no-leader')).toBe('nothing');
  expect(kindOf(429, 'backpressure')).toBe('nothing');
  expect(kindOf(504, 'commit-unknown')).toBe('unknown');
  expect(kindOf(500, 'internal')).toBe('unknown');
  expect(kindOf(409, 'idempotency-in-flight')).toBe('unknown');
});

test('a refusal is an answer, with the index of its entry; that of a failed precondition is no entry', () => {
  const members = { code: 'already-claimed', holder: 'c2', token: 7, index: 9 };
  expect(meaningOf('lock/a', ACQUIRE, { status: 409, members })).toEqual({
    kind: 'answer',
    output: { kind: 'refused', holder: 'c2', token: 7 },
    entry: 9,
  });
  const put = { kind: 'put', value: 3, if: 4 };
  const changed = { status: 412, members: { code: 'precondition-failed', index: 6 } };
  expect(meaningOf('queue/a', put, changed)).toEqual({
    kind: 'answer',
    output: { kind: 'changed', index: 6 },
  });
});

test('a reply nobody promised is a fault of the run, not an answer', () => {
  expect(() => kindOf(400, 'validation-failed')).toThrow(/validation-failed/);
});

test('an object of the checker has a name of the service', () => {
  expect(questionOf('lock/a.0', ACQUIRE)).toEqual({
    method: 'PUT',
    path: '/v1/locks/lock:a.0',
    body: { owner: 'c1', ttl_seconds: 4 },
  });
});
