/** Short campaigns: in seconds what `npm run campaign` does for minutes. */
import { appendFile, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
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
  directory: string,
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
    directory,
    program: resolve(import.meta.dirname, '../../dist/cli/main.js'),
  });
  const { reports, tally, failovers, verdict } = result;
  console.log(`${reports.length} faults, ${tally.answered} answers, ${failovers.length} failovers`);
  console.log(verdict);
  expect(tally.answered).toBeGreaterThanOrEqual(ANSWERS);
  return result;
}

test('I1, I4, I5, I7: three nodes that are killed, frozen, cut off and handed around keep every promise to their clients', async () => {
  const names = CAMPAIGN_FAULTS.map(({ name }) => name);
  const { reports, breaches } = await waged(
    'proxy',
    names.filter((name) => !LONG.includes(name)),
    20_000,
    await temporaryFolder(),
  );
  expect(breaches).toEqual([]);
  // It was a real run.
  expect(reports.length).toBeGreaterThanOrEqual(10);
  expect(new Set(reports.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(5);
});

test.skipIf(lacks('network namespaces'))(
  'I1, I4, I5, I7: three nodes on networks of their own whose packets are lost keep every promise to their clients',
  async () => {
    const names = faultsIn('namespaces').map(({ name }) => name);
    const { reports, breaches } = await waged(
      'namespaces',
      names.filter((name) => !LONG.includes(name)),
      15_000,
      await temporaryFolder(),
    );
    expect(breaches).toEqual([]);
    expect(reports.length).toBeGreaterThanOrEqual(7);
    // Some of them were cables, which proxies do not have.
    const cables = reports.filter(({ kind }) => CABLE_FAULTS.some(({ name }) => name === kind));
    expect(cables.length).toBeGreaterThanOrEqual(1);
  },
);

test('a second campaign goes on with the cluster of the first, and holds it to what clients of the first were told', async () => {
  const directory = await temporaryFolder();
  const first = await waged('proxy', ['kill'], 4_000, directory);
  expect(first.breaches).toEqual([]);
  // Somebody was told what never happened.
  const call = {
    call: 1e9,
    at: 1,
    client: 'c0',
    key: 'lock/0',
    input: { kind: 'read' },
    once: 'x',
  };
  const answer = { answer: 1e9, at: 2, output: { entry: 7 } };
  const history = join(directory, 'history.ndjson');
  await appendFile(history, `${JSON.stringify(call)}\n${JSON.stringify(answer)}\n`);

  const second = await waged('proxy', ['kill'], 4_000, directory);
  expect(second.entries).toBeGreaterThan(first.entries);
  const lost = ['node-1', 'node-2', 'node-3'].map((id) =>
    expect.stringContaining(`in the log of ${id}: 1 acknowledged, and not in the log`),
  );
  expect(second.breaches).toEqual(lost);

  const lines = (await readFile(join(directory, 'series.ndjson'), 'utf8')).trim().split('\n');
  const rounds = lines.map((line) => (JSON.parse(line) as { readonly round: number }).round);
  expect([rounds[0], rounds.at(-1)]).toEqual([1, 2]);
});
