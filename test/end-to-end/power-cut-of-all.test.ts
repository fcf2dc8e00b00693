/**
 * The power of a whole cluster fails under load: three nodes, three disks, one moment. `QUORATE_POWER_CUTS`
 * says how often; a few times show that it works, many are for a night.
 */
import { expect, test } from 'vitest';
import { lacks } from './machine-permits.ts';
import { NO_BREACHES } from './ledger.ts';
import { PoweredCluster } from './powered-cluster.ts';

const CUTS = Number(process.env['QUORATE_POWER_CUTS'] ?? 4);
const MS_PER_CUT = 300_000;

test.skipIf(lacks('loop mounts'))(
  'I1, I4, I7: the power of three nodes fails at once, again and again: one of them leads, nothing acknowledged is lost, nothing is done twice',
  async () => {
    const cluster = await PoweredCluster.found('a', 'b', 'c');
    for (let cut = 0; cut < CUTS; cut++) {
      expect(await cluster.cutUnderLoad(), `cut ${cut}`).toEqual(NO_BREACHES);
      // What a cut leaves is no damage.
      expect(cluster.output).not.toMatch(/store_damaged/);
    }
    console.log(`${CUTS} power cuts of all, ${cluster.promised} acknowledged commands looked up`);
  },
  CUTS * MS_PER_CUT,
);
