/** Nodes in network namespaces of their own: what loses packets is no proxy that holds them. */
import { resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CampaignCluster, type Standing } from '../../tools/campaign/cluster.ts';
import { CampaignDirectory } from '../../tools/campaign/directory.ts';
import { seeded } from '../../tools/random.ts';
import type { Heal } from '../faults/nemesis.ts';
import { HELD, OPEN } from '../faults/proxy.ts';
import { until } from './condition.ts';
import { temporaryFolder } from './folder.ts';
import { lacks } from './machine-permits.ts';

type Begin = (id: string) => Promise<Heal>;

test.skipIf(lacks('network namespaces'))(
  'a leader whose cable is pulled or dead, or who is heard by nobody, promises nothing, another leads, and all agree when its cable is well',
  async () => {
    const ended: string[] = [];
    const cluster = await CampaignCluster.start({
      nodes: 3,
      network: 'namespaces',
      random: seeded(1),
      place: await CampaignDirectory.open(await temporaryFolder()),
      program: resolve(import.meta.dirname, '../../dist/cli/main.js'),
      hasDisks: false,
      onEnd: (line) => ended.push(line),
    });
    onTestFinished(async () => void (await cluster.stop()));
    const { faults, ways } = cluster.network;
    const unheard: Begin = async (id) => {
      const set = async (condition: typeof HELD): Promise<void> => {
        for (const other of cluster.ids.filter((one) => one !== id))
          await ways.set(id, other, condition);
      };
      await set(HELD);
      return () => set(OPEN);
    };
    for (const begin of [faults['unplug'] as Begin, faults['down'] as Begin, unheard]) {
      const { leader, term } = await cluster.agreed();
      const old = String(leader);
      const heal = await begin(old);
      const next = await until('another leads', () => leadingBeyond(cluster, term));
      expect(next.id).not.toBe(old);
      // Its clients are on its machine and still reach it; what they want it cannot promise any more.
      const answer = await cluster.node(old).ask(`/v1/locks/of-${term}?timeout=1s`);
      expect(answer?.status).toBe(503);
      await heal();
    }
    await cluster.agreed();
    expect(await cluster.stop()).toEqual([]);
    expect(ended).toEqual([]);
  },
);

async function leadingBeyond(
  cluster: CampaignCluster,
  term: number,
): Promise<Standing | undefined> {
  const seen = await cluster.standings();
  return seen.find((one) => one.role === 'leader' && one.term > term);
}
