/** Drills keep up with the core: a defence that was written anew is drilled anew. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MUTATIONS } from '../../tools/drill/mutations.ts';

const CORE = join(import.meta.dirname, '../../src/protocols/raft/core');

test('every mutation still finds its one place in the core', () => {
  const lost = MUTATIONS.flatMap(({ name, patches }) =>
    patches
      .filter(({ file, find }) => readFileSync(join(CORE, file), 'utf8').split(find).length !== 2)
      .map(({ file }) => `${name}: ${file}`),
  );
  expect(lost).toEqual([]);
});

test('every mutation has a name of its own and says what goes wrong', () => {
  expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
  expect(MUTATIONS.filter(({ why }) => !why.endsWith('.'))).toEqual([]);
});
