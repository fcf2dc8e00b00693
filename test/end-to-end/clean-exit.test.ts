/** I9: a node that is stopped leaves nothing behind in its process, and another can be started in it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Remains } from './clean-exit-rounds.ts';
import { temporaryFolder } from './folder.ts';

const ROUNDS = 20;
const SCRIPT = join(import.meta.dirname, 'clean-exit-rounds.ts');
/** A node left behind holds its windows, tables and server: megabytes each. */
const GROWTH_PER_ROUND_MAX = 128 * 1024;

const run = promisify(execFile);

test('I9: twenty nodes, started and stopped in one process, leave no timer, socket, file or memory', async () => {
  const directory = join(await temporaryFolder(), 'data');
  const words = ['--expose-gc', '--import', 'tsx', SCRIPT, directory, String(ROUNDS)];
  const { stdout, stderr } = await run(process.execPath, words, { timeout: 900_000 });
  expect(stderr).toBe('');
  const remains = JSON.parse(stdout) as Remains;

  expect(remains.openFiles).toEqual([]);
  expect(remains.resourcesAfter).toEqual(remains.resourcesBefore);
  const { heapBytes } = remains;
  expect(heapBytes).toHaveLength(ROUNDS);
  const [first = 0] = heapBytes;
  const last = heapBytes.at(-1) ?? 0;
  // The log of all rounds is replayed in each: what it adds to tables is part of the bound.
  expect((last - first) / ROUNDS).toBeLessThan(GROWTH_PER_ROUND_MAX);
});
