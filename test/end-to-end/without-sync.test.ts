/**
 * The power cuts of `power-cut.test.ts` would notice a missing fsync: with it removed from the compiled
 * store, the same procedure finds that acknowledged commands are gone.
 */
import { expect, test } from 'vitest';
import { lacks } from './machine-permits.ts';
import { buildWithout, SYNC } from './other-build.ts';
import { PoweredNode } from './power-cut.ts';

test.skipIf(lacks('loop mounts'))(
  'I1: a store that does not sync loses acknowledged commands in a power cut, and the test notices',
  async () => {
    const node = await PoweredNode.start(await buildWithout(SYNC));
    const { promised, lost } = await node.cutUnderLoad();
    expect(promised).toBeGreaterThan(0);
    expect(lost.length).toBeGreaterThan(0);
  },
);
