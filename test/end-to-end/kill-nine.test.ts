/**
 * A process killed at any moment starts again on its directory with everything it had acknowledged. What
 * was doubtful is asked again under the same keys: applied once, whether before the kill or now.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './folder.ts';
import { audited, auditedLog, Ledger, NO_BREACHES, NO_LOG_BREACHES } from './ledger.ts';
import { Load, resolveDoubts } from './load.ts';
import { NodeProcess } from './node-process.ts';
import { digestOf, offlineDigest } from './digest.ts';

/** Two nodes at a time, each with half of the rounds: most of a round is waiting. */
const NODES = ['node-1', 'node-2'];
const ROUNDS_EACH = 100;
const ANSWERS_MAX = 100;

test('kill -9 under load, two hundred times, loses nothing that was acknowledged and applies nothing twice', async () => {
  const promised = await Promise.all(NODES.map((nodeId) => killedAgainAndAgain(nodeId)));
  console.log(`${NODES.length * ROUNDS_EACH} kills, ${promised.join(' + ')} acknowledged commands`);
});

async function killedAgainAndAgain(nodeId: string): Promise<number> {
  const directory = join(await temporaryFolder(), 'data');
  const ledger = new Ledger();
  let checked = 0;
  for (let round = 0; round < ROUNDS_EACH; round += 1) {
    const node = await NodeProcess.start({ directory, nodeId });
    const breaches = await auditedLog(node.url, ledger, checked);
    expect(breaches, `${nodeId} after ${round} kills`).toEqual(NO_LOG_BREACHES);
    checked = ledger.head;
    await resolveDoubts(node.url, ledger);
    const load = await Load.start(node.url, { ledger, http: 4, pipelined: 16 });
    await load.reaches(1 + Math.floor(Math.random() * ANSWERS_MAX));
    await node.kill();
    await load.stop();
  }
  await expectWhole({ directory, nodeId }, ledger);
  return ledger.acknowledged.length;
}

/** All of it, and the digest of the running node is that of an independent replay of its directory. */
async function expectWhole(
  { directory, nodeId }: { readonly directory: string; readonly nodeId: string },
  ledger: Ledger,
): Promise<void> {
  const node = await NodeProcess.start({ directory, nodeId });
  await resolveDoubts(node.url, ledger);
  expect(await audited(node.url, ledger)).toEqual(NO_BREACHES);
  const live = await digestOf(node.url);
  await node.stop();
  // It may have written on since it was asked: leases end when they end.
  expect(await offlineDigest(directory, live.index)).toEqual(live);
}
