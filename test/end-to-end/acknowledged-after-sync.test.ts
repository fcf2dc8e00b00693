/** I1 as the kernel sees it: an answer leaves only after a sync that began after its request had come in. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './folder.ts';
import { Ledger } from './ledger.ts';
import { Load } from './load.ts';
import { lacks } from './machine-permits.ts';
import { NodeProcess } from './node-process.ts';
import { buildWithout, SYNC } from './other-build.ts';
import { type Acknowledgement, acknowledgements, traceOf, tracer } from './trace.ts';

const ANSWERS = 300;

async function traced(project?: string): Promise<readonly Acknowledgement[]> {
  const directory = join(await temporaryFolder(), 'data');
  const trace = await tracer();
  const build = project === undefined ? {} : { project };
  const node = await NodeProcess.start({ directory, under: trace.under, ...build });
  const load = await Load.start(node.url, { ledger: new Ledger(), http: 3, pipelined: 0 });
  await load.reaches(ANSWERS);
  await load.stop();
  await node.stop();
  return acknowledgements(await traceOf(trace, node.pid));
}

const isUntraceable = lacks('strace');

test.skipIf(isUntraceable)(
  'I1: every acknowledgement leaves after an fdatasync that began after its request came in',
  async () => {
    const seen = await traced();
    expect(seen.length).toBeGreaterThanOrEqual(ANSWERS);
    expect(seen.filter(({ isAfterSync }) => !isAfterSync)).toEqual([]);
  },
);

test.skipIf(isUntraceable)(
  'a store that does not sync is seen to acknowledge before any fdatasync',
  async () => {
    const seen = await traced(await buildWithout(SYNC));
    expect(seen.some(({ isAfterSync }) => !isAfterSync)).toBe(true);
  },
);
