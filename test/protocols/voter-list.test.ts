import { expect, test } from 'vitest';
import { voterConfig } from '../../src/protocols/voter-list.ts';

test('the order in which voters are named does not matter', () => {
  const same = voterConfig(['c', 'a', 'b'], ['b', 'a', 'c']);
  expect(same).toEqual({
    said: ['a', 'b', 'c'],
    committed: ['a', 'b', 'c'],
    said_hash: same.committed_hash,
    committed_hash: expect.stringMatching(/^[0-9a-f]{16}$/),
    matches: true,
  });
});

test.each([
  [
    ['a', 'b', 'c'],
    ['b', 'c', 'd'],
  ],
  [['a'], ['a', 'b']],
  [['a', 'b'], ['a']],
  [['ab'], ['a', 'b']],
])('%j is not %j, and their hashes differ', (said, committed) => {
  const config = voterConfig(said, committed);
  expect(config).toMatchObject({ said, committed, matches: false });
  expect(config.said_hash).not.toBe(config.committed_hash);
});
