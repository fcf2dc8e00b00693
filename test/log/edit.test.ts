import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Compacted } from '../../src/log/fault.ts';
import { Log } from '../../src/log/log.ts';
import { encodeOutcomePage, GENESIS_DIGEST } from '../../src/log/outcome-page.ts';
import {
  appendRange,
  frame,
  framesOf,
  JOB,
  MAIN,
  openedLog,
  optionsFor,
  temporaryDirectory,
} from './fixtures.ts';
import { type Contents, memoryStore } from './memory-store.ts';

const anyPage = (page: number): Buffer =>
  encodeOutcomePage({ page, outcomes: [Buffer.of(page)], previousDigest: GENESIS_DIGEST });

/** Blocks [1 … 5][6 … 10][11 … 15]. */
async function threeBlocks(log: Log): Promise<void> {
  for (const first of [1, 6, 11]) await appendRange(log, MAIN, first, first + 4);
}

async function indices(log: Log): Promise<number[]> {
  const found: number[] = [];
  for await (const { first, last } of log.read(MAIN, log.bounds(MAIN).first, { uncommitted: true }))
    for (let index = first; index <= last; index++) found.push(index);
  return found;
}

const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

describe('truncating', () => {
  test.each([1, 3, 5, 6, 7, 11, 15])('from %i leaves exactly what is before', async (from) => {
    const directory = await temporaryDirectory();
    const log = await openedLog(directory);
    await threeBlocks(log);
    await log.truncate(MAIN, from);
    expect(log.bounds(MAIN)).toEqual({ first: 1, last: from - 1, lastTerm: from === 1 ? 0 : 1 });
    expect(await indices(log)).toEqual(upTo(from - 1));
    await log.close();
    expect(await indices(await openedLog(directory))).toEqual(upTo(from - 1));
  });

  test('and appending need not wait for each other', async () => {
    const directory = await temporaryDirectory();
    const log = await openedLog(directory);
    await threeBlocks(log);
    const pending = [
      log.append(MAIN, frame(16), 'data'),
      log.truncate(MAIN, 8),
      log.append(MAIN, frame(8, { term: 2, data: 'another' }), 'data'),
      log.append(MAIN, frame(9, { term: 2 }), 'data'),
      log.truncate(MAIN, 9),
      log.append(MAIN, frame(9, { term: 3 }), 'data'),
    ];
    await Promise.all(pending);
    expect(log.bounds(MAIN)).toEqual({ first: 1, last: 9, lastTerm: 3 });
    await log.close();
    const again = await openedLog(directory);
    expect(await again.frame(MAIN, 8)).toEqual(frame(8, { term: 2, data: 'another' }));
    expect(await again.frame(MAIN, 9)).toEqual(frame(9, { term: 3 }));
  });

  test('beyond the end changes nothing', async () => {
    const log = await openedLog(await temporaryDirectory());
    await threeBlocks(log);
    await log.truncate(MAIN, 16);
    expect(log.bounds(MAIN).last).toBe(15);
  });

  test('what is committed is a bug of the caller', async () => {
    const log = await openedLog(await temporaryDirectory());
    await threeBlocks(log);
    log.setCommitted(MAIN, 8);
    expect(() => log.truncate(MAIN, 8)).toThrow('never taken back');
    await log.truncate(MAIN, 9);
  });

  test('any sequence of appends, truncations and restarts gives the log a list would be', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ kind: fc.constant('truncate' as const), back: fc.integer({ min: 0, max: 12 }) }),
      fc.record({ kind: fc.constant('restart' as const), count: fc.constant(0) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const contents: Contents = new Map();
        const open = (): Promise<Log> =>
          Log.open(
            optionsFor('/nowhere', {
              store: memoryStore(contents),
              window: { entries: 7, bytes: 9e9 },
            }),
          );
        let log = await open();
        let model: Buffer[] = [];
        let term = 0;
        for (const given of steps) {
          term += 1;
          if (given.kind === 'append') {
            const frames = upTo(given.count).map((at) => frame(model.length + at, { term }));
            model = [...model, ...frames];
            await Promise.all(frames.map((each) => log.append(MAIN, each, 'data')));
          }
          if (given.kind === 'truncate') {
            model = model.slice(0, Math.max(0, model.length - given.back));
            await log.truncate(MAIN, model.length + 1);
          }
          if (given.kind === 'restart') {
            await log.close();
            log = await open();
          }
          expect(await framesOf(log, MAIN, 1, { uncommitted: true })).toEqual(model);
        }
        await log.close();
      }),
      { numRuns: 60 },
    );
  });
});

describe('trimming', () => {
  test.each([
    [3, 1],
    [5, 6],
    [9, 6],
    [10, 11],
    [15, 16],
    [99, 16],
  ])('up to %i leaves whole blocks: %i is the oldest entry then', async (limit, first) => {
    const directory = await temporaryDirectory();
    const log = await openedLog(directory);
    await threeBlocks(log);
    log.setCommitted(MAIN, 15);
    await log.trim(MAIN, limit);
    expect(log.bounds(MAIN)).toEqual({ first, last: 15, lastTerm: 1 });
    expect(await indices(log)).toEqual(upTo(15, first));
    await log.close();
    const again = await openedLog(directory);
    expect(again.bounds(MAIN)).toEqual({ first, last: 15, lastTerm: 1 });
    await again.append(MAIN, frame(16), 'data');
    expect(await indices(again)).toEqual(upTo(16, first));
  });

  test('never gives up what is not committed', async () => {
    const log = await openedLog(await temporaryDirectory());
    await threeBlocks(log);
    log.setCommitted(MAIN, 7);
    await log.trim(MAIN, 15);
    expect(log.bounds(MAIN).first).toBe(6);
  });

  test('answers whoever reads below with the oldest index and the newest snapshot', async () => {
    const log = await openedLog(await temporaryDirectory());
    await threeBlocks(log);
    log.setCommitted(MAIN, 15);
    await (await log.snapshots(MAIN).write(12)).finish();
    await log.trim(MAIN, 10);
    const reading = framesOf(log, MAIN, 10);
    await expect(reading).rejects.toBeInstanceOf(Compacted);
    await expect(reading).rejects.toMatchObject({ oldest: 11, snapshot: 12 });
    expect(await log.frame(MAIN, 10)).toBeUndefined();
  });

  test('while somebody reads there tells him so, and never that the log is damaged', async () => {
    const log = await openedLog(await temporaryDirectory(), { window: { entries: 0, bytes: 0 } });
    await threeBlocks(log);
    log.setCommitted(MAIN, 15);
    const reading = framesOf(log, MAIN, 1);
    const asking = log.frame(MAIN, 2);
    await log.trim(MAIN, 10);
    const frames = await reading.catch((error: unknown) => error);
    if (frames instanceof Compacted) expect(frames.oldest).toBe(11);
    else expect(frames).toHaveLength(15);
    expect([undefined, frame(2)]).toContainEqual(await asking);
    const slow = log.read(MAIN, 11, { bytes: 1 });
    expect(await slow.next()).toMatchObject({ value: { first: 11 } });
    await log.trim(MAIN, 15);
    await expect(slow.next()).resolves.toMatchObject({ value: { first: 12 } });
    await slow.return(undefined);
  });

  test('takes the outcome pages whose entries are all gone, and no others', async () => {
    const log = await openedLog(await temporaryDirectory());
    await appendRange(log, MAIN, 1, 300);
    await appendRange(log, MAIN, 301, 600);
    log.setCommitted(MAIN, 600);
    for (const page of [0, 1, 2]) log.putOutcomePage(MAIN, page, anyPage(page));
    await log.trim(MAIN, 400);
    const left = await Promise.all([0, 1, 2].map((page) => log.outcomePage(MAIN, page)));
    expect(left.map((page) => page !== undefined)).toEqual([false, true, true]);
  });

  test('a crash before the leftovers are cleared does no harm', async () => {
    const contents: Contents = new Map();
    const log = await Log.open(optionsFor('/nowhere', { store: memoryStore(contents) }));
    await threeBlocks(log);
    log.setCommitted(MAIN, 15);
    const before = new Map(contents);
    await log.trim(MAIN, 10);
    await log.close();
    for (const [key, value] of before) if (key.startsWith('e/')) contents.set(key, value);
    const again = await openedLog('/nowhere', { store: memoryStore(contents) });
    expect(again.bounds(MAIN)).toEqual({ first: 11, last: 15, lastTerm: 1 });
  });
});

describe('starting after a snapshot', () => {
  test.each([4, 10, 12, 15, 40])('at %i leaves an empty log that goes on there', async (index) => {
    const directory = await temporaryDirectory();
    const log = await openedLog(directory);
    await threeBlocks(log);
    const pending = [
      log.startAfter(MAIN, { index, term: 7 }),
      log.append(MAIN, frame(index + 1, { term: 8 }), 'data'),
    ];
    await Promise.all(pending);
    expect(log.bounds(MAIN)).toEqual({ first: index + 1, last: index + 1, lastTerm: 8 });
    await log.close();
    const again = await openedLog(directory);
    expect(again.bounds(MAIN)).toEqual({ first: index + 1, last: index + 1, lastTerm: 8 });
    expect(await indices(again)).toEqual([index + 1]);
  });

  test('an empty log keeps the place and the term of the snapshot', async () => {
    const directory = await temporaryDirectory();
    const log = await openedLog(directory);
    await log.startAfter(MAIN, { index: 20, term: 3 });
    await log.close();
    const again = await openedLog(directory);
    expect(again.bounds(MAIN)).toEqual({ first: 21, last: 20, lastTerm: 3 });
  });
});

describe('removing a group', () => {
  test('leaves nothing of it, and everything of the others', async () => {
    const directory = await temporaryDirectory();
    const log = await openedLog(directory);
    await threeBlocks(log);
    await appendRange(log, JOB, 1, 5);
    await (await log.snapshots(JOB).write(3)).finish();
    await log.remove(JOB);
    expect(log.groups()).toEqual([MAIN]);
    expect(await log.snapshots(JOB).list()).toEqual([]);
    await log.close();
    const again = await openedLog(directory);
    expect(again.groups()).toEqual([MAIN]);
    expect(again.bounds(JOB)).toEqual({ first: 1, last: 0, lastTerm: 0 });
  });

  test('a crash before its keys are cleared does not bring it back', async () => {
    const contents: Contents = new Map();
    const log = await Log.open(optionsFor('/nowhere', { store: memoryStore(contents) }));
    await appendRange(log, JOB, 1, 5);
    const before = new Map(contents);
    await log.remove(JOB);
    await log.close();
    for (const [key, value] of before) if (key.startsWith('e/')) contents.set(key, value);
    const again = await openedLog('/nowhere', { store: memoryStore(contents) });
    expect(again.groups()).toEqual([]);
    expect([...contents.keys()].filter((key) => key.startsWith('e/'))).toEqual([]);
  });
});
