/** Drills keep up with the core: a defence that was written anew is drilled anew. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { MUTATIONS } from '../../tools/drill/mutations.ts';

const PROJECT = join(import.meta.dirname, '../..');
const CORE = join(PROJECT, 'src/protocols/raft/core');

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

test('a drill takes a defence away in a copy and says what notices', async () => {
  const words = ['tools/drill/drill.ts', '--only', 'told-of-another-entry', '--seeds', '5'];
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', ...words], {
    cwd: PROJECT,
  });
  expect(stdout).toContain('told-of-what-it-lacks');
  expect(stdout).toContain('1 of 1 noticed or explained');
}, 300_000);
