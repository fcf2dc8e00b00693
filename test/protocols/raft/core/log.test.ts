import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RaftBug } from '../../../../src/protocols/raft/core/bug.ts';
import type { Entry } from '../../../../src/protocols/raft/core/entry.ts';
import { RaftLog } from '../../../../src/protocols/raft/core/log.ts';
import { entries, ORIGIN } from './cores.ts';

function logOf(terms: readonly number[]): RaftLog {
  const log = new RaftLog(ORIGIN, ORIGIN, []);
  for (const entry of entries(terms)) log.append(entry);
  return log;
}

test('a missing entry has no term: it is compacted or beyond, and equals no number', () => {
  const log = logOf([1, 1, 2, 2, 4]);
  log.compact({ term: 1, index: 2 });
  expect([0, 1, 2, 3, 4, 5, 6].map((index) => log.termOf(index))).toEqual([
    'compacted',
    'compacted',
    1,
    2,
    2,
    4,
    'beyond',
  ]);
  expect(log.entry(2)).toBeUndefined();
  expect(log.entry(3)?.index).toBe(3);
});

test('the terms of a log that is only on the disk are known without reading it', () => {
  const terms = [
    { term: 2, index: 11 },
    { term: 5, index: 14 },
  ];
  const log = new RaftLog({ term: 1, index: 10 }, { term: 5, index: 20 }, terms);
  expect([9, 10, 11, 13, 14, 20, 21].map((index) => log.termOf(index))).toEqual([
    'compacted',
    1,
    2,
    2,
    5,
    5,
    'beyond',
  ]);
  expect(log.inMemoryFrom).toBe(21);
  log.truncate(13);
  expect(log.last).toEqual({ term: 2, index: 12 });
  log.append({ term: 6, index: 13, frame: new Uint8Array(3) });
  expect(log.slice(13, { entries: 5, bytes: 100 })).toHaveLength(1);
});

test('a gap, and taking back what is compacted, are bugs', () => {
  const log = logOf([1, 1, 2]);
  expect(() => log.append({ term: 2, index: 5, frame: new Uint8Array() })).toThrow(RaftBug);
  log.compact({ term: 1, index: 2 });
  expect(() => log.truncate(2)).toThrow(RaftBug);
  expect(() => log.compact({ term: 9, index: 3 })).toThrow(RaftBug);
});

test('the newest place that may match skips a whole conflicting term at once', () => {
  const log = logOf([1, 1, 1, 4, 4, 5, 5, 6, 6]);
  expect(log.newestAtMost({ term: 3, index: 9 })).toEqual({ term: 1, index: 3 });
  expect(log.newestAtMost({ term: 5, index: 6 })).toEqual({ term: 5, index: 6 });
  expect(log.newestAtMost({ term: 9, index: 50 })).toEqual({ term: 6, index: 9 });
  log.compact({ term: 4, index: 5 });
  expect(log.newestAtMost({ term: 1, index: 9 })).toEqual({ term: 4, index: 5 });
});

test('a message takes what fits into its bounds, and one entry at least', () => {
  const log = logOf([1, 1, 1, 1, 1]);
  expect(log.slice(2, { entries: 2, bytes: 1_000 }).map(({ index }) => index)).toEqual([2, 3]);
  expect(log.slice(2, { entries: 9, bytes: 35 }).map(({ index }) => index)).toEqual([2, 3, 4]);
  expect(log.slice(5, { entries: 9, bytes: 1 }).map(({ index }) => index)).toEqual([5]);
});

test('what may leave memory does when it weighs more than the cache; what may not never does', () => {
  const log = logOf(Array.from({ length: 100 }, () => 1));
  log.trim(60, 200);
  expect(log.bytesBetween(log.inMemoryFrom - 1, 60)).toBeLessThanOrEqual(200);
  expect(log.entry(log.inMemoryFrom - 1)).toBeUndefined();
  for (let index = 61; index <= 100; index += 1) expect(log.entry(index)?.index).toBe(index);
  expect(log.bytesBetween(60, 100)).toBe(400);
});

test('a snapshot in place of the log leaves its place and nothing else', () => {
  const log = logOf([1, 1, 2]);
  log.replace({ term: 7, index: 50 });
  expect(log.last).toEqual({ term: 7, index: 50 });
  expect([3, 50, 51].map((index) => log.termOf(index))).toEqual(['compacted', 7, 'beyond']);
  log.append({ term: 7, index: 51, frame: new Uint8Array(4) });
  expect(log.bytesBetween(50, 51)).toBe(4);
});

/** A log that keeps everything in a list. */
class PlainLog {
  entries: Entry[] = [];
  floor = 0;
}

test('after any appends, truncations, compactions and trims, a log answers as a plain list does', () => {
  const anyStep = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('append' as const), by: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), by: fc.nat(6) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), by: fc.nat(6) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const), by: fc.nat(60) }) },
  );
  const plainNewest = (plain: PlainLog, term: number, index: number): number => {
    const known = plain.entries.filter((entry) => entry.index > plain.floor);
    return (
      known.findLast((entry) => entry.index <= index && entry.term <= term)?.index ?? plain.floor
    );
  };
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
      const plain = new PlainLog();
      const log = logOf([]);
      for (const { kind, by } of steps) {
        const last = plain.entries.length;
        if (kind === 'append') {
          const term = Math.max(log.last.term, 1) + (by === 2 ? 1 : 0);
          const entry = { term, index: last + 1, frame: new Uint8Array(by * 7) };
          plain.entries.push(entry);
          log.append(entry);
        } else if (kind === 'truncate' && last - by > plain.floor) {
          plain.entries.length = last - by - 1;
          log.truncate(last - by);
        } else if (kind === 'compact' && plain.floor + by <= last) {
          plain.floor += by;
          log.compact(log.placeOf(plain.floor));
        } else if (kind === 'trim') {
          log.trim(Math.min(plain.floor + by, last), by);
        }
      }
      const last = plain.entries.length;
      expect(log.last.index).toBe(last);
      for (let index = plain.floor + 1; index <= last; index += 1) {
        const entry = plain.entries[index - 1]!;
        expect(log.termOf(index)).toBe(entry.term);
        if (index >= log.inMemoryFrom) expect(log.entry(index)).toBe(entry);
        for (const term of [0, 1, 2, 3, 9])
          expect(log.newestAtMost({ term, index }).index).toBe(plainNewest(plain, term, index));
      }
      const memory = plain.entries.slice(Math.max(log.inMemoryFrom, plain.floor + 1) - 1);
      expect(log.bytesBetween(last - memory.length, last)).toBe(
        memory.reduce((sum, { frame }) => sum + frame.length, 0),
      );
    }),
  );
});
