import { describe, expect, test } from 'vitest';
import type { Log } from '../../src/log/log.ts';
import { parseRetention, retainedFrom, type Retention } from '../../src/log/retention.ts';
import { appendRange, frame, MAIN, openedLog, temporaryDirectory } from './fixtures.ts';
import { memoryStore } from './memory-store.ts';

describe('a retention policy', () => {
  test.each<[string, Retention]>([
    ['all', { kind: 'all' }],
    ['100000 entries', { kind: 'entries', entries: 100_000 }],
    ['10 B', { kind: 'bytes', bytes: 10 }],
    ['512MiB', { kind: 'bytes', bytes: 512 * 1024 * 1024 }],
    ['2 TiB', { kind: 'bytes', bytes: 2 * 1024 ** 4 }],
    ['90 s', { kind: 'duration', milliseconds: 90_000 }],
    ['30 d', { kind: 'duration', milliseconds: 30 * 86_400_000 }],
  ])('%s', (text, policy) => {
    expect(parseRetention(text)).toEqual(policy);
  });

  test.each(['', 'some', '5', '-5 entries', '1.5 GiB', '5 GB', '9999999999999 entries', '3 days'])(
    '%j is none',
    (text) => {
      expect(parseRetention(text)).toBeUndefined();
    },
  );
});

describe('the oldest entry that is kept', () => {
  /** 100 entries, ten to a block, one second apart. */
  async function hundred(): Promise<Log> {
    const log = await openedLog(await temporaryDirectory(), { store: memoryStore(new Map()) });
    for (let first = 1; first <= 100; first += 10)
      await Promise.all(
        Array.from({ length: 10 }, (_, at) =>
          log.append(MAIN, frame(first + at, { at: (first + at) * 1_000 }), 'data'),
        ),
      );
    log.setCommitted(MAIN, 100);
    return log;
  }

  const from = async (text: string, more: object = {}): Promise<number> => {
    const log = await hundred();
    const retention = parseRetention(text)!;
    return retainedFrom({ log, group: MAIN, retention, now: 100_000, snapshotIndex: 90, ...more });
  };

  test('is the first one, when everything is kept', async () => {
    expect(await from('all')).toBe(1);
  });

  test.each([
    ['30 entries', 71],
    ['200 entries', 1],
    ['20 s', 80],
    ['1 h', 1],
  ])('%s: %i', async (text, oldest) => {
    expect(await from(text)).toBe(oldest);
  });

  test('follows the bytes on disk', async () => {
    const log = await hundred();
    const bytes = await log.bytesFrom(MAIN, 41);
    const oldest = await from(`${bytes} B`);
    expect(oldest).toBeGreaterThan(31);
    expect(oldest).toBeLessThanOrEqual(41);
    expect(await from('1 B')).toBe(91);
  });

  test('is never above the newest snapshot', async () => {
    expect(await from('1 entries', { snapshotIndex: 50 })).toBe(51);
    expect(await from('1 s', { now: 999_000, snapshotIndex: 50 })).toBe(51);
    expect(await from('1 entries', { snapshotIndex: 0 })).toBe(1);
  });

  test('is never above what somebody still holds', async () => {
    expect(await from('1 entries', { held: [60, 33] })).toBe(33);
  });

  test('is what is there, once more was trimmed', async () => {
    const log = await hundred();
    await log.trim(MAIN, 60);
    const retention: Retention = { kind: 'duration', milliseconds: 50_000 };
    const oldest = await retainedFrom({
      log,
      group: MAIN,
      retention,
      now: 100_000,
      snapshotIndex: 90,
    });
    expect(oldest).toBe(61);
  });

  test('of an empty log is its beginning', async () => {
    const log = await openedLog(await temporaryDirectory(), { store: memoryStore(new Map()) });
    await appendRange(log, MAIN, 1, 0);
    for (const text of ['all', '5 entries', '5 B', '5 s'])
      expect(
        await retainedFrom({
          log,
          group: MAIN,
          retention: parseRetention(text)!,
          now: 0,
          snapshotIndex: 0,
        }),
      ).toBe(1);
  });
});
