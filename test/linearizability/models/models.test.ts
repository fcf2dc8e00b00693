/** What only time and silence do to an object. */
import { expect, test } from 'vitest';
import type { Operation } from '../history.ts';
import { findOrder } from '../wgl.ts';
import { modelOf } from './models.ts';

const SECOND = 1_000_000;

/** Seconds; `null`: nobody heard. */
type Row = readonly [input: object, calledAt: number, answeredAt: number | null, output?: object];

function verdict(key: string, ...rows: readonly Row[]): string {
  const operations = rows.map(([input, calledAt, at, output], id): Operation => {
    const answer: Operation['answer'] =
      at === null ? { kind: 'open' } : { kind: 'answered', at: at * SECOND, output };
    return { id, client: 'c', key, input, calledAt: calledAt * SECOND, answer };
  });
  return findOrder(operations, modelOf(key)).kind;
}

const acquire = (owner: string): object => ({ kind: 'acquire', owner, lease_ms: 10_000 });
const renew = (token: number): object => ({ kind: 'renew', owner: 'a', token, lease_ms: 10_000 });
const granted = (token: number): object => ({ kind: 'granted', token });
const seen = (holder?: string, token?: number): object => ({
  kind: 'seen',
  held: holder === undefined ? null : { holder, token },
});
const READ = { kind: 'read' };

test('a lease may be over when its time is over, and not before', () => {
  const taken = (at: number): string =>
    verdict('lock/a', [acquire('a'), 0, 1, granted(5)], [acquire('b'), at, at + 1, granted(6)]);
  expect(taken(3)).toBe('none');
  expect(taken(10)).toBe('order');
});

test('a renewal moves the end of a lease, and nobody else gets the lock before', () => {
  const renewed = (at: number): string =>
    verdict(
      'lock/a',
      [acquire('a'), 0, 1, granted(5)],
      [renew(5), 6, 7, { kind: 'done' }],
      [acquire('b'), at, at + 1, granted(6)],
    );
  expect(renewed(11)).toBe('none');
  expect(renewed(16)).toBe('order');
});

test('a token nobody heard is the one that is seen first, and no other afterwards', () => {
  const afterwards = (...tokens: readonly number[]): string =>
    verdict(
      'lock/a',
      [acquire('a'), 0, null],
      ...tokens.map((token, at): Row => [READ, 1 + at, 1.5 + at, seen('a', token)]),
    );
  expect(afterwards(7, 7)).toBe('order');
  expect(afterwards(7, 8)).toBe('none');
});

test('a claim whose lease is over leaves the item to others under a higher token only', () => {
  const claim = (node: string): object => ({ kind: 'claim', node, lease_ms: 10_000 });
  const again = (token: number, at: number): string =>
    verdict(
      'work/a',
      [{ kind: 'add' }, 0, 1, { kind: 'added' }],
      [claim('a'), 1, 2, granted(5)],
      [claim('b'), at, at + 1, granted(token)],
      [{ kind: 'complete', token: 5 }, 20, 21, { kind: 'stale', held: { holder: 'b', token } }],
    );
  expect(again(6, 12)).toBe('order');
  expect(again(4, 12)).toBe('none');
  expect(again(6, 4)).toBe('none');
});

test('an item is completed once: who comes later is told that it is over', () => {
  const completed = (second: object): string =>
    verdict(
      'work/a',
      [{ kind: 'add' }, 0, 1, { kind: 'added' }],
      [{ kind: 'claim', node: 'a', lease_ms: 100_000 }, 1, 2, granted(5)],
      [{ kind: 'complete', token: 5 }, 3, 4, { kind: 'done' }],
      [{ kind: 'complete', token: 5 }, 5, 6, second],
    );
  expect(completed({ kind: 'over', status: 'completed' })).toBe('order');
  expect(completed({ kind: 'done' })).toBe('none');
  expect(completed({ kind: 'stale', held: null })).toBe('none');
});

test('a put nobody heard of has an ETag above the last, and conditions on the last fail from then on', () => {
  const after = (index: number): string =>
    verdict(
      'queue/a',
      [{ kind: 'put', value: 1, if: 0 }, 0, 1, { kind: 'written', index: 4 }],
      [{ kind: 'put', value: 2, if: 4 }, 2, null],
      [READ, 3, 4, { kind: 'seen', index, value: 2 }],
      [{ kind: 'put', value: 3, if: 4 }, 5, 6, { kind: 'changed', index }],
    );
  expect(after(9)).toBe('order');
  expect(after(4)).toBe('none');
  expect(after(3)).toBe('none');
});
