/** `npm run demo`, as a stranger runs it: it ends with 0 only if everything it shows is so. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const PROJECT = join(import.meta.dirname, '..', '..');

test.each([
  ['three nodes, of which the leader is killed', []],
  ['one node that is killed', ['--single']],
])('the demo holds all of its claims: %s', async (_, words) => {
  const demo = join(PROJECT, 'tools/demo/demo.ts');
  const tsx = join(PROJECT, 'node_modules/tsx/dist/cli.mjs');
  const all = [tsx, demo, '--seconds', '4', ...words];
  const { stdout } = await promisify(execFile)(process.execPath, all, { cwd: PROJECT });
  expect(stdout).toMatch(/killed node-\d, which led/);
  expect(stdout).toMatch(/✔ nothing acknowledged is lost/);
  expect(stdout).not.toContain('✘');
});
