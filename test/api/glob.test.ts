import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readGlobs } from '../../src/api/glob.ts';

test.each([
  ['add_work', 'add_work', true],
  ['add_work', 'add_work_batch', false],
  ['*', '', true],
  ['work_*', 'work_added', true],
  ['*_work', 'add_work', true],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'acb', false],
  ['ab*ba', 'aba', false],
  ['x,lock_*', 'lock_acquired', true],
  ['a**b', 'ab', true],
  ['a.b', 'aab', false],
])('%s against %s: %s', (list, name, expected) => {
  expect(readGlobs(list)?.(name)).toBe(expected);
});

test('a glob means what the same regular expression means', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 8 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
  fc.assert(
    fc.property(letters, name, (glob, candidate) => {
      const same = new RegExp(`^${glob.replaceAll('*', '.*')}$`);
      expect(readGlobs(glob)?.(candidate)).toBe(same.test(candidate));
    }),
    { numRuns: 2000 },
  );
});

test.each(['', ',', 'a,,b', '(a+)+', 'a b', 'x'.repeat(129), Array(33).fill('a').join(',')])(
  'what is not a list of globs is not read as one',
  (list) => expect(readGlobs(list)).toBeUndefined(),
);

test('no pattern takes long', () => {
  // One that tries every way would take longer than anybody waits.
  const matches = readGlobs(`${'a*'.repeat(60)}b`);
  const started = performance.now();
  expect(matches?.('a'.repeat(100_000))).toBe(false);
  expect(performance.now() - started).toBeLessThan(30_000);
});
