/** A short campaign: in seconds what `npm run campaign` does for minutes. */
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { CAMPAIGN_FAULTS } from '../../tools/campaign/faults.ts';
import { campaign } from '../../tools/campaign/run.ts';
import { temporaryFolder } from './folder.ts';

const ANSWERS = 200;
/** What takes long to mend, or needs a disk of its own, is for longer campaigns. */
const LONG: readonly string[] = ['fill', 'lose', 'remove'];
const FAULTS = CAMPAIGN_FAULTS.map(({ name }) => name).filter((name) => !LONG.includes(name));

test('I1, I4, I5, I7: three nodes that are killed, frozen, cut off and handed around keep every promise to their clients', async () => {
  const { breaches, reports, tally, failovers, verdict } = await campaign({
    nodes: 3,
    seed: 11,
    milliseconds: 20_000,
    answers: ANSWERS,
    clients: 20,
    faults: FAULTS,
    gapMs: [400, 1_200],
    directory: await temporaryFolder(),
    program: resolve(import.meta.dirname, '../../dist/cli/main.js'),
  });
  expect(breaches).toEqual([]);
  // It was a real run.
  expect(reports.length).toBeGreaterThanOrEqual(10);
  expect(new Set(reports.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(5);
  expect(tally.answered).toBeGreaterThanOrEqual(ANSWERS);
  console.log(`${reports.length} faults, ${tally.answered} answers, ${failovers.length} failovers`);
  console.log(verdict);
});
