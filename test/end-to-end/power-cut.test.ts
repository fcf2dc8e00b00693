/**
 * Durability as durability: kill -9 alone proves nothing, for the page cache survives it. Here the data
 * directory lies on an ext4 image, and copying the image is a power cut (`ext4-image.ts`). That these tests
 * would notice a missing fsync is shown in `without-sync.test.ts`.
 */
import { expect, test } from 'vitest';
import { lacks } from './machine-permits.ts';
import { NO_BREACHES } from './ledger.ts';
import { PoweredNode } from './power-cut.ts';

const DISKS = 5;
const CUTS_PER_DISK = 10;

test.skipIf(lacks('loop mounts'))(
  'I1: fifty power cuts under load lose nothing that was acknowledged, and nothing is there twice',
  async () => {
    let promised = 0;
    for (let disk = 0; disk < DISKS; disk += 1) {
      const node = await PoweredNode.start();
      for (let cut = 0; cut < CUTS_PER_DISK; cut += 1) {
        const { promised: count, ...breaches } = await node.cutUnderLoad();
        expect(breaches, `disk ${disk}, cut ${cut}`).toEqual(NO_BREACHES);
        promised += count;
      }
      await node.remove();
    }
    console.log(`${DISKS * CUTS_PER_DISK} power cuts, ${promised} acknowledged commands looked up`);
  },
);
