import { setImmediate } from 'node:timers/promises';
import { readdirSync, readlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { placeOf } from '../../src/log/frame.ts';
import type { HardState } from '../../src/log/hard-state.ts';
import { Log } from '../../src/log/log.ts';
import { encodeOutcomePage, GENESIS_DIGEST } from '../../src/log/outcome-page.ts';
import {
  appendRange,
  CountingClock,
  frame,
  framesOf,
  JOB,
  MAIN,
  openedLog,
  optionsFor,
  temporaryDirectory,
} from './fixtures.ts';
import { type Contents, memoryStore } from './memory-store.ts';

const state = (term: number): HardState => ({
  term,
  vote: 'node-1',
  commit: 0,
  members: [
    {
      index: 0,
      configuration: {
        voters: [{ id: 'node-1', store: 'store-1', addresses: [] }],
        outgoing: [],
        learners: [],
      },
    },
  ],
});

describe('appending', () => {
  test('what was appended is read back, byte for byte, in every group', async () => {
    const log = await openedLog(await temporaryDirectory());
    await Promise.all([appendRange(log, MAIN, 1, 50), appendRange(log, JOB, 1, 7)]);
    log.setCommitted(MAIN, 50);
    log.setCommitted(JOB, 7);
    expect(await framesOf(log, MAIN, 1)).toEqual(
      Array.from({ length: 50 }, (_, at) => frame(at + 1)),
    );
    expect(await framesOf(log, JOB, 3)).toHaveLength(5);
    expect(log.bounds(MAIN)).toEqual({ first: 1, last: 50, lastTerm: 1 });
    expect(log.groups()).toEqual([MAIN, JOB]);
  });

  test('promises resolve in the order of the appends', async () => {
    const log = await openedLog(await temporaryDirectory());
    const order: number[] = [];
    const appended = [1, 2, 3, 4].map(async (index) => {
      await log.append(MAIN, frame(index), 'data');
      order.push(index);
    });
    await Promise.all(appended);
    expect(order).toEqual([1, 2, 3, 4]);
  });

  test('what is appended within one turn shares a batch, within 1 000 entries', async () => {
    const reports: number[] = [];
    const log = await openedLog(await temporaryDirectory(), {
      onBatch: ({ entries }) => reports.push(entries),
    });
    await appendRange(log, MAIN, 1, 2_500);
    expect(reports).toEqual([1_000, 1_000, 500]);
    expect(log.usage()).toMatchObject({
      entries: 0,
      bytes: 0,
      totals: { submitted: 2_500, written: 2_500, batches: 3, fsyncs: 3 },
      peak_batch: 1_000,
      peak_queue: 2_500,
    });
  });

  test('a batch holds at most 4 MiB', async () => {
    const sizes: number[] = [];
    const log = await openedLog(await temporaryDirectory(), {
      onBatch: ({ bytes }) => sizes.push(bytes),
    });
    const large = 'x'.repeat(900_000);
    await Promise.all(
      [1, 2, 3, 4, 5, 6].map((index) => log.append(MAIN, frame(index, { data: large }), 'data')),
    );
    expect(sizes).toHaveLength(2);
    for (const size of sizes) expect(size).toBeLessThanOrEqual(4 * 1024 * 1024);
  });

  test('an index that is not the next one is a bug of the caller', async () => {
    const log = await openedLog(await temporaryDirectory());
    await appendRange(log, MAIN, 1, 2);
    expect(() => log.append(MAIN, frame(4), 'data')).toThrow('next index');
    expect(() => log.append(MAIN, frame(3, { term: 0 }), 'data')).toThrow('terms never fall');
  });
});

describe('I1: nothing is acknowledged before it is on the disk', () => {
  test('every write is synced, and its promises wait for it', async () => {
    const contents: Contents = new Map();
    const syncs: boolean[] = [];
    let release: () => void = () => undefined;
    const beforeWrite = async ({ sync }: { readonly sync: boolean }): Promise<void> => {
      syncs.push(sync);
      if (syncs.length > 1) await new Promise<void>((resolve) => (release = resolve));
    };
    const log = await Log.open(
      optionsFor('/nowhere', { store: memoryStore(contents, { beforeWrite }) }),
    );
    const before = contents.size;
    let acknowledged = 0;
    const append = log.append(MAIN, frame(1), 'data').then(() => (acknowledged += 1));
    const save = log.saveHardState(MAIN, state(1)).then(() => (acknowledged += 1));
    await expect.poll(() => syncs.length).toBe(2);
    expect([acknowledged, contents.size, log.bounds(MAIN).last]).toEqual([0, before, 0]);
    expect(log.hardState(MAIN)).toBeUndefined();
    release();
    await Promise.all([append, save]);
    expect(log.bounds(MAIN).last).toBe(1);
    expect(syncs).toEqual([true, true]);
    const closing = log.close();
    await expect.poll(() => syncs.length).toBe(3);
    release();
    await closing;
  });
});

describe('trap 15: a write that fails', () => {
  test.each([
    ['ENOSPC', 'no-space'],
    ['EIO', 'io'],
  ])(
    '%s: every promise of the batch rejects, and the log refuses everything later',
    async (errno, code) => {
      let failing = false;
      const poisons: Error[] = [];
      const beforeWrite = (): Promise<void> =>
        failing
          ? Promise.reject(Object.assign(new Error(`write failed`), { code: errno }))
          : Promise.resolve();
      const log = await Log.open(
        optionsFor('/nowhere', {
          store: memoryStore(new Map(), { beforeWrite }),
          onPoison: (cause) => poisons.push(cause),
        }),
      );
      await log.append(MAIN, frame(1), 'data');
      failing = true;
      const batch = [
        log.append(MAIN, frame(2), 'data'),
        log.append(JOB, frame(1), 'control'),
        log.saveHardState(MAIN, state(2)),
        log.truncate(JOB, 1),
        log.flush(),
      ];
      for (const outcome of await Promise.allSettled(batch))
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code } });
      failing = false;
      await expect(log.append(MAIN, frame(3), 'data')).rejects.toMatchObject({ code });
      await expect(log.saveHardState(MAIN, state(3))).rejects.toMatchObject({ code });
      await expect(log.flush()).rejects.toMatchObject({ code });
      expect(poisons).toHaveLength(1);
      expect(log.bounds(MAIN).last).toBe(1);
      await log.close();
    },
  );

  test('what is refused behind it may be listened to, or not: no promise is left over', async () => {
    const leftOver: unknown[] = [];
    const listen = (reason: unknown): void => {
      leftOver.push(reason);
    };
    process.on('unhandledRejection', listen);
    try {
      let failing = false;
      const beforeWrite = (): Promise<void> =>
        failing ? Promise.reject(new Error('EIO')) : Promise.resolve();
      const poisoned = await Log.open(
        optionsFor('/nowhere', { store: memoryStore(new Map(), { beforeWrite }) }),
      );
      failing = true;
      await expect(poisoned.append(MAIN, frame(1), 'data')).rejects.toThrow('EIO');
      // As one write of Raft does, of which only the last is waited for.
      void poisoned.append(MAIN, frame(2), 'control');
      void poisoned.saveHardState(MAIN, state(2));
      void poisoned.truncate(MAIN, 1);
      void poisoned.flush();
      await poisoned.close();
      // Node tells of promises that are left over before the next turn.
      await setImmediate();
      expect(leftOver).toEqual([]);
    } finally {
      process.off('unhandledRejection', listen);
    }
  });

  test('is no clean exit', async () => {
    const contents: Contents = new Map();
    let failing = false;
    const beforeWrite = (): Promise<void> =>
      failing ? Promise.reject(new Error('EIO')) : Promise.resolve();
    const log = await Log.open(
      optionsFor('/nowhere', { store: memoryStore(contents, { beforeWrite }) }),
    );
    await log.append(MAIN, frame(1), 'data');
    failing = true;
    await expect(log.append(MAIN, frame(2), 'data')).rejects.toThrow('EIO');
    failing = false;
    await log.close();
    const again = await openedLog('/nowhere', { store: memoryStore(contents) });
    expect(again.recovery).toMatchObject({ uncleanExit: true });
    expect(again.bounds(MAIN).last).toBe(1);
  });
});

describe('hard states', () => {
  test('the last one saved is there after a restart', async () => {
    const directory = await temporaryDirectory();
    const log = await openedLog(directory);
    await Promise.all([1, 2, 3].map((term) => log.saveHardState(MAIN, state(term))));
    expect(log.hardState(MAIN)).toEqual(state(3));
    await log.close();
    expect((await openedLog(directory)).hardState(MAIN)).toEqual(state(3));
  });
});

describe('reading', () => {
  test('never goes past what is committed, unless replication asks for it', async () => {
    const log = await openedLog(await temporaryDirectory());
    await appendRange(log, MAIN, 1, 10);
    expect(await framesOf(log, MAIN, 1)).toEqual([]);
    log.setCommitted(MAIN, 4);
    log.setCommitted(MAIN, 2);
    expect(await framesOf(log, MAIN, 1)).toHaveLength(4);
    expect(await framesOf(log, MAIN, 3, { to: 9 })).toHaveLength(2);
    expect(await framesOf(log, MAIN, 1, { uncommitted: true })).toHaveLength(10);
    log.setCommitted(MAIN, 99);
    expect(await framesOf(log, MAIN, 1)).toHaveLength(10);
  });

  test.each([
    ['from the window', { entries: 50_000, bytes: 2 ** 26 }],
    ['from the disk', { entries: 0, bytes: 0 }],
    ['from both', { entries: 300, bytes: 2 ** 26 }],
  ])('%s: any range gives exactly its entries, in chunks within the budget', async (_, window) => {
    const log = await openedLog(await temporaryDirectory(), { window });
    let next = 1;
    for (const count of [1, 1, 200, 3, 150, 1, 90]) {
      await appendRange(log, MAIN, next, next + count - 1);
      next += count;
    }
    log.setCommitted(MAIN, next);
    for (const [from, to] of [
      [1, 446],
      [2, 2],
      [100, 300],
      [202, 446],
      [446, 446],
      [447, 500],
    ] as const) {
      const indices: number[] = [];
      for await (const chunk of log.read(MAIN, from, { to, bytes: 2_000 })) {
        expect(chunk.frames.length).toBeLessThanOrEqual(2_000);
        for (let index = chunk.first; index <= chunk.last; index++) indices.push(index);
      }
      const wanted = Math.max(0, Math.min(to, 446) - from + 1);
      expect(indices).toEqual(Array.from({ length: wanted }, (__, at) => from + at));
    }
    expect(placeOf((await log.frame(MAIN, 205))!).index).toBe(205);
    expect(await log.frame(MAIN, 447)).toBeUndefined();
  });
});

test('asking about a group nobody wrote to finds an empty log, and remembers nothing', async () => {
  const log = await openedLog(await temporaryDirectory());
  expect(log.bounds(JOB)).toEqual({ first: 1, last: 0, lastTerm: 0 });
  expect(await framesOf(log, JOB, 1)).toEqual([]);
  expect(await log.frame(JOB, 1)).toBeUndefined();
  expect(await log.outcomePage(JOB, 0)).toBeUndefined();
  expect(log.groups()).toEqual([]);
});

describe('outcome pages', () => {
  const page = encodeOutcomePage({
    page: 0,
    outcomes: [Buffer.of(1)],
    previousDigest: GENESIS_DIGEST,
  });

  test('ride in the next batch and cause none', async () => {
    const log = await openedLog(await temporaryDirectory());
    log.putOutcomePage(MAIN, 0, page);
    expect(log.usage().totals.batches).toBe(0);
    await log.append(MAIN, frame(1), 'data');
    expect(await log.outcomePage(MAIN, 0)).toEqual(page);
    expect(log.usage()).toMatchObject({ bytes: 0, totals: { batches: 1 } });
  });

  test('can be forced, and are not lost at a clean exit', async () => {
    const directory = await temporaryDirectory();
    const log = await openedLog(directory);
    log.putOutcomePage(MAIN, 0, page);
    await log.flushOutcomes();
    expect(await log.outcomePage(MAIN, 0)).toEqual(page);
    log.putOutcomePage(MAIN, 1, page);
    await log.close();
    expect(await (await openedLog(directory)).outcomePage(MAIN, 1)).toEqual(page);
  });
});

describe('a full disk', () => {
  test('throttles at 85 %, and from 92 % on admits CONTROL alone', async () => {
    let share = 0.8499;
    const clock = new CountingClock();
    let poll: () => void = () => undefined;
    clock.after = (_, task) => {
      poll = task;
      return () => undefined;
    };
    const log = await openedLog(await temporaryDirectory(), {
      clock,
      diskGauge: () => Promise.resolve(share),
    });
    const measured = async (now: number): Promise<void> => {
      share = now;
      poll();
      await expect.poll(() => log.usage().disk_fraction).toBe(now);
    };
    expect(log.level()).toBe('none');
    await measured(0.85);
    expect([log.level(), log.admits(MAIN, 'telemetry', 1)]).toEqual(['throttle', true]);
    await measured(0.92);
    expect([log.level(), log.admits(MAIN, 'dispatch', 1), log.admits(MAIN, 'control', 1)]).toEqual([
      'reject',
      false,
      true,
    ]);
    expect(log.usage().totals.rejected).toBe(1);
    await measured(0.5);
    expect(log.admits(MAIN, 'telemetry', 1)).toBe(true);
  });
});

/** Files below `directory` that this process holds open. */
function openFiles(directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(directory) ? [path] : [];
    } catch {
      return [];
    }
  });
}

describe('I9: closing', () => {
  test('writes what was handed over, and refuses what comes later', async () => {
    const directory = await temporaryDirectory();
    const log = await openedLog(directory);
    const appended = appendRange(log, MAIN, 1, 1_500);
    const closing = log.close();
    await expect(log.append(MAIN, frame(1_501), 'data')).rejects.toMatchObject({ code: 'closed' });
    await Promise.all([appended, closing]);
    const again = await openedLog(directory);
    expect(again.bounds(MAIN).last).toBe(1_500);
    expect(again.recovery).toMatchObject({ startedEmpty: false, uncleanExit: false, groups: 1 });
  });

  test('twice is as good as once', async () => {
    const log = await openedLog(await temporaryDirectory());
    await log.append(MAIN, frame(1), 'data');
    await Promise.all([log.close(), log.close()]);
    await log.close();
  });

  test('leaves no timer, no handle and no open file', async () => {
    const clock = new CountingClock();
    const directory = await temporaryDirectory();
    const log = await openedLog(directory, { clock });
    await appendRange(log, MAIN, 1, 10);
    log.setCommitted(MAIN, 10);
    for await (const chunk of log.read(MAIN, 1)) expect(chunk.first).toBe(1);
    expect(clock.waiting).toBe(1);
    expect(openFiles(directory).length).toBeGreaterThan(0);
    await log.close();
    expect(clock.waiting).toBe(0);
    expect(openFiles(directory)).toEqual([]);
  });

  test('during a measurement of the disk leaves no timer either', async () => {
    const clock = new CountingClock();
    const log = await openedLog(await temporaryDirectory(), { clock, diskGauge: async () => 0.5 });
    await log.close();
    expect(clock.waiting).toBe(0);
  });
});
