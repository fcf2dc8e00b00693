import { expect, test } from 'vitest';
import { audit, type ReadLog } from '../../tools/campaign/audit.ts';
import type { Operation } from '../linearizability/history.ts';

/** Acknowledged under this key, as this entry. */
function acknowledged(once: string, entry: number): Operation {
  const answer = { kind: 'answered', at: entry, output: { entry } } as const;
  return { id: entry, client: 'c1', key: 'lock/0', input: {}, calledAt: 0, answer, once };
}

/** As a node shows it: keys at indices. */
function shown(id: string, keys: Readonly<Record<string, readonly number[]>>): ReadLog {
  const indices = new Map(Object.entries(keys));
  const digest = JSON.stringify(keys);
  return { id, entries: 3, upTo: 3, digest, indices, termAt: () => 1 };
}

const OPERATIONS = [acknowledged('one', 1), acknowledged('two', 2)];
const WHOLE = { one: [1], two: [2] };

test('logs that hold what was acknowledged, once and where it was said, are as they should be', () => {
  expect(audit(OPERATIONS, [shown('a', WHOLE), shown('b', WHOLE)])).toEqual([]);
});

test('what one node lost is told, though the others have it', () => {
  const [lost, differs, ...more] = audit(OPERATIONS, [shown('a', WHOLE), shown('b', { one: [1] })]);
  expect(lost).toMatch(/^in the log of b: 1 acknowledged, and not in the log:\n.*"once":"two"/);
  expect(differs).toBe('up to 3 the log of b is not that of a');
  expect(more).toEqual([]);
});

test('what one node has twice, or elsewhere, is told', () => {
  const twice = { one: [1], two: [2, 3] };
  expect(audit(OPERATIONS, [shown('a', twice)])).toEqual([
    'in the log of a: 1 applied more than once:\n  ["two",[2,3]]',
  ]);
  const [elsewhere] = audit(OPERATIONS, [shown('a', { one: [1], two: [3] })]);
  expect(elsewhere).toMatch(/^in the log of a: 1 acknowledged at another index than/);
});

test('logs that were read to different ends are not held against each other', () => {
  const longer = { ...shown('b', { ...WHOLE, three: [3] }), upTo: 4 };
  expect(audit(OPERATIONS, [shown('a', WHOLE), longer])).toEqual([]);
});
