import { join } from 'node:path';
import { expect, test } from 'vitest';
import { groupKeys, numbered } from '../../../src/log/keys.ts';
import { LevelStore } from '../../../src/log/level-store.ts';
import { LogTime } from '../../../src/protocols/log-time.ts';
import { Applying } from '../../../src/protocols/raft/applying.ts';
import { breathe, realClock } from '../../../src/real-clock.ts';
import { until, within } from '../../end-to-end/condition.ts';
import { appendRange, MAIN, openedLog, temporaryDirectory } from '../../log/fixtures.ts';

/** The directory of a closed log of nine entries, without the block that holds the fourth. */
async function damaged(): Promise<string> {
  const directory = await temporaryDirectory();
  const log = await openedLog(directory);
  for (let index = 1; index <= 9; index++) await appendRange(log, MAIN, index, index);
  await log.close();
  const store = await LevelStore.open(join(directory, 'log'));
  const writes = store.batch();
  writes.delete(numbered(groupKeys(MAIN).block, 4));
  await writes.write({ sync: true });
  await store.close();
  return directory;
}

test('whoever waits for a pause has it when applying has failed, so that a node that ends does end', async () => {
  const applied: Buffer[] = [];
  const faults: Error[] = [];
  const applying = new Applying({
    log: await openedLog(await damaged()),
    group: MAIN,
    applied: 0,
    sink: {
      committed: (frames) => void applied.push(...frames),
      install: () => Promise.resolve(0),
      led: () => undefined,
    },
    time: new LogTime(realClock),
    entry: () => undefined,
    breathe,
    onApplied: () => undefined,
    onFault: (fault) => faults.push(fault),
  });
  applying.commit(9);
  await until('it has failed', () => faults.length > 0);
  expect(faults).toMatchObject([{ code: 'damaged' }]);
  expect(applied.length).toBeLessThan(9);
  let paused = false;
  const pause = applying.whilePaused(() => Promise.resolve(void (paused = true)));
  await within('the pause comes', pause);
  expect(paused).toBe(true);
  await applying.stop();
});
