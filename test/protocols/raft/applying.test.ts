import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Log } from '../../../src/log/log.ts';
import { groupKeys, numbered } from '../../../src/log/keys.ts';
import { openStore } from '../../../src/log/open-store.ts';
import { LogTime } from '../../../src/protocols/log-time.ts';
import type { Entry } from '../../../src/protocols/raft/core/entry.ts';
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
  const store = await openStore(join(directory, 'log'));
  const writes = store.batch();
  writes.delete(numbered(groupKeys(MAIN).block, 4));
  await writes.write({ sync: true });
  await store.close();
  return directory;
}

interface Watched {
  readonly applying: Applying;
  readonly applied: Buffer[];
  readonly installed: number[];
  readonly faults: Error[];
  /** Up to where whoever waits was told that it is applied. */
  readonly told: number[];
}

function watched(log: Log, entry: (index: number) => Entry | undefined = () => undefined): Watched {
  const applied: Buffer[] = [];
  const installed: number[] = [];
  const faults: Error[] = [];
  const told: number[] = [];
  const applying = new Applying({
    log,
    group: MAIN,
    applied: 0,
    sink: {
      committed: (frames) => void applied.push(...frames),
      install: (index) => Promise.resolve(installed.push(index)),
      led: () => undefined,
    },
    time: new LogTime(realClock),
    entry,
    breathe,
    onApplied: (index) => told.push(index),
    onFault: (fault) => faults.push(fault),
  });
  return { applying, applied, installed, faults, told };
}

test('whoever waits for a pause has it when applying has failed, so that a node that ends does end', async () => {
  const { applying, applied, faults } = watched(await openedLog(await damaged()));
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

test('a snapshot is not installed before the log goes on behind it, and nothing is applied meanwhile', async () => {
  const log = await openedLog(await temporaryDirectory());
  await appendRange(log, MAIN, 1, 3);
  const { applying, applied, installed } = watched(log);
  let settle: () => void = () => undefined;
  const durable = new Promise<void>((resolve) => (settle = resolve));
  const done = applying.install(40, durable);
  applying.commit(3);
  await breathe();
  await breathe();
  expect([installed, applied]).toEqual([[], []]);
  settle();
  await done;
  expect(installed).toEqual([40]);
  expect(applying.applied).toBe(40);
  expect(applied).toEqual([]);
});

test('a snapshot whose log could not be written is not installed, and whoever waits for it is told', async () => {
  const { applying, installed, faults } = watched(await openedLog(await temporaryDirectory()));
  await expect(applying.install(40, Promise.reject(new Error('no room')))).rejects.toThrow(
    'was not installed',
  );
  expect(faults).toEqual([new Error('no room')]);
  expect(installed).toEqual([]);
});

test('who waits for an entry that a snapshot jumps over is told once the snapshot is installed', async () => {
  const { applying, told } = watched(await openedLog(await temporaryDirectory()));
  await applying.install(40, Promise.resolve());
  expect(told).toEqual([40]);
  await applying.stop();
});

test('a long backlog in memory is applied a part at a time, and whatever else waits has its turn between two parts', async () => {
  const inMemory = (index: number): Entry => ({
    term: 1,
    index,
    frame: Buffer.from([index & 255]),
  });
  const { applying, applied } = watched(await openedLog(await temporaryDirectory()), inMemory);
  /** How much was applied whenever something else had its turn. */
  const seen: number[] = [];
  applying.commit(1_000);
  for (let turn = 0; turn < 50 && applying.applied < 1_000; turn += 1) {
    seen.push(applying.applied);
    await breathe();
  }
  seen.push(applying.applied);
  const parts = seen.map((count, at) => count - (seen[at - 1] ?? 0));
  expect(Math.max(...parts)).toBe(250);
  expect(applied.map(([first]) => first)).toEqual(
    Array.from({ length: 1_000 }, (_entry, at) => (at + 1) & 255),
  );
  await applying.stop();
});
