/** What a node that ends of a fault leaves for its next start. */
import { expect, test } from 'vitest';
import { leaveWord } from '../src/last-word.ts';
import { LogFault } from '../src/log/fault.ts';
import { damageIn } from '../src/log/set-aside.ts';
import { Divergence } from '../src/protocols/coordinator/comparing.ts';
import { temporaryDirectory } from './log/fixtures.ts';

const REPAIRS = { repairsFromPeers: true };
const DAMAGED = new LogFault('damaged', 'a bit was flipped');

test('a damaged store is marked, and one that decides differently is marked for certain', async () => {
  const [damaged, differs] = [await temporaryDirectory(), await temporaryDirectory()];
  await leaveWord(DAMAGED, { dataDir: damaged, cluster: REPAIRS });
  expect(await damageIn(damaged)).toEqual({
    found_at: expect.any(Number),
    reason: 'a bit was flipped',
  });
  await leaveWord(new Divergence(7), { dataDir: differs, cluster: REPAIRS });
  expect(await damageIn(differs)).toMatchObject({
    reason: expect.stringContaining('decides entry 7 differently'),
    certain: true,
  });
});

test('nothing is left where nobody could help, where it is forbidden, or where the store is not to blame', async () => {
  const dataDir = await temporaryDirectory();
  await leaveWord(DAMAGED, { dataDir, cluster: undefined });
  await leaveWord(new Divergence(7), { dataDir, cluster: { repairsFromPeers: false } });
  await leaveWord(new LogFault('no-space', 'full'), { dataDir, cluster: REPAIRS });
  await leaveWord(new Error('a bug'), { dataDir, cluster: REPAIRS });
  expect(await damageIn(dataDir)).toBeUndefined();
});
