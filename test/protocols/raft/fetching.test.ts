import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Log } from '../../../src/log/log.ts';
import type { Input } from '../../../src/protocols/raft/core/input.ts';
import { Fetching } from '../../../src/protocols/raft/fetching.ts';
import { frame, MAIN, openedLog, temporaryDirectory } from '../../log/fixtures.ts';

/** A log that ends at 40, with a snapshot of 39 that is much smaller than what it stands for. */
async function longLog(floor: number): Promise<Log> {
  const directory = await temporaryDirectory();
  const log = await openedLog(directory);
  if (floor > 0) await log.startAfter(MAIN, { index: floor, term: 1 });
  for (let index = floor + 1; index <= 40; index++)
    await log.append(MAIN, frame(index, { data: randomBytes(2_000).toString('hex') }), 'control');
  const writer = await log.snapshots(MAIN).write(39);
  await writer.write(Buffer.from('small'));
  await writer.finish();
  // What is still in LevelDB's memory has no size.
  await log.close();
  return openedLog(directory);
}

async function fetched(log: Log, keepsHistory: boolean): Promise<number> {
  const told: Input[] = [];
  const step = (input: Input): void => void told.push(input);
  const onFault = (fault: Error): void => expect.fail(fault.message);
  const fetching = new Fetching({ log, group: MAIN, keepsHistory, step, onFault });
  fetching.fetch({ peer: 'n2', from: 12, bytes: 1_000_000 });
  await fetching.stop();
  const [input] = told;
  return input?.kind === 'fetched' ? input.entries.length : -1;
}

test('a snapshot that is smaller than the log above it is sent instead', async () => {
  expect(await fetched(await longLog(0), true)).toBe(0);
});

test('a leader that lacks history sends its log: a snapshot would take the rest from who still has it', async () => {
  expect(await fetched(await longLog(10), true)).toBeGreaterThan(0);
});

test('where logs are trimmed there is no such rest', async () => {
  expect(await fetched(await longLog(10), false)).toBe(0);
});
