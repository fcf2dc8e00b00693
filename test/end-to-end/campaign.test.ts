/** Short campaigns: in seconds what `npm run campaign` does for minutes. */
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { CAMPAIGN_FAULTS, faultsIn } from '../../tools/campaign/faults.ts';
import { CABLE_FAULTS, type NetworkName } from '../../tools/campaign/network.ts';
import { campaign, type CampaignResult } from '../../tools/campaign/run.ts';
import { temporaryFolder } from './folder.ts';
import { lacks } from './machine-permits.ts';

const ANSWERS = 200;
/** What takes long to mend, or needs a disk of its own, is for longer campaigns. */
const LONG: readonly string[] = ['fill', 'lose', 'remove'];

/** Three nodes in trouble for a while, and what came of it. */
async function waged(
  network: NetworkName,
  faults: readonly string[],
  milliseconds: number,
): Promise<CampaignResult> {
  const result = await campaign({
    nodes: 3,
    network,
    seed: 11,
    milliseconds,
    answers: ANSWERS,
    clients: 20,
    faults,
    gapMs: [400, 1_200],
    directory: await temporaryFolder(),
    program: resolve(import.meta.dirname, '../../dist/cli/main.js'),
  });
  const { reports, tally, failovers, verdict } = result;
  console.log(`${reports.length} faults, ${tally.answered} answers, ${failovers.length} failovers`);
  console.log(verdict);
  expect(result.breaches).toEqual([]);
  expect(tally.answered).toBeGreaterThanOrEqual(ANSWERS);
  return result;
}

test('I1, I4, I5, I7: three nodes that are killed, frozen, cut off and handed around keep every promise to their clients', async () => {
  const names = CAMPAIGN_FAULTS.map(({ name }) => name);
  const { reports } = await waged(
    'proxy',
    names.filter((name) => !LONG.includes(name)),
    20_000,
  );
  // It was a real run.
  expect(reports.length).toBeGreaterThanOrEqual(10);
  expect(new Set(reports.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(5);
});

test.skipIf(lacks('network namespaces'))(
  'I1, I4, I5, I7: three nodes on networks of their own whose packets are lost keep every promise to their clients',
  async () => {
    const names = faultsIn('namespaces').map(({ name }) => name);
    const { reports } = await waged(
      'namespaces',
      names.filter((name) => !LONG.includes(name)),
      15_000,
    );
    expect(reports.length).toBeGreaterThanOrEqual(7);
    // Some of them were cables, which proxies do not have.
    const cables = reports.filter(({ kind }) => CABLE_FAULTS.some(({ name }) => name === kind));
    expect(cables.length).toBeGreaterThanOrEqual(1);
  },
);
