import { expect, test } from 'vitest';
import { TIMING } from './cores.ts';
import { LivedTime } from '../../../../src/protocols/raft/core/lived-time.ts';
import { ForwardedReads } from '../../../../src/protocols/raft/core/forwarded-reads.ts';
import { ReadRounds } from '../../../../src/protocols/raft/core/read-rounds.ts';
import { Waiting } from '../../../../src/protocols/raft/core/waiting.ts';

function fates(waiting: Waiting, term: number, index: number): string[] {
  const settled = waiting.committed({ term, index }, (id, place) => ({
    kind: 'committed',
    id,
    place,
  }));
  return settled.map((one) => `${one.id}`);
}

test('a commit decides what waits below it, and what waits with an older term', () => {
  const waiting = new Waiting();
  waiting.add(1, { term: 2, index: 5 });
  waiting.add(2, { term: 2, index: 9 });
  waiting.add(3, { term: 4, index: 7 });
  waiting.add(4, { term: 4, index: 8 });
  expect(fates(waiting, 2, 4)).toEqual([]);
  expect(fates(waiting, 2, 5)).toEqual(['1']);
  expect(fates(waiting, 4, 6)).toEqual(['2']);
  expect(fates(waiting, 4, 7)).toEqual(['3']);
  expect(waiting.abandon()).toEqual([{ kind: 'unknown', id: 4 }]);
  expect(waiting.abandon()).toEqual([]);
});

test('a hundred thousand proposals are settled in order, each once', () => {
  const waiting = new Waiting();
  const seen: string[] = [];
  for (let index = 1; index <= 100_000; index += 1) {
    waiting.add(index, { term: 1, index });
    if (index % 7 === 0) seen.push(...fates(waiting, 1, index - 3));
  }
  seen.push(...fates(waiting, 1, 100_000));
  expect(seen).toEqual(Array.from({ length: 100_000 }, (_, at) => `${at + 1}`));
});

test('reads that come together share a round, and are released with it', () => {
  const rounds = new ReadRounds();
  rounds.add({ kind: 'own', id: 1 });
  rounds.add({ kind: 'own', id: 2 });
  rounds.open(10);
  rounds.add({ kind: 'own', id: 3 });
  rounds.open(20);
  expect(rounds.newest).toBe(2);
  expect(rounds.release(1).map(({ index }) => index)).toEqual([10, 10]);
  expect(rounds.size).toBe(1);
  expect(rounds.abandon()).toEqual([{ kind: 'own', id: 3 }]);
  expect(rounds.size).toBe(0);
});

test('an answer to a question settles those who asked it, once; a foreign one nobody', () => {
  const forwarded = new ForwardedReads(100);
  forwarded.add(1);
  forwarded.add(2);
  const question = forwarded.ask(0)!;
  forwarded.add(3);
  expect(forwarded.answered(question + 1)).toEqual([]);
  expect(forwarded.answered(question)).toEqual([1, 2]);
  expect(forwarded.answered(question)).toEqual([]);
  expect(forwarded.size).toBe(1);
  forwarded.ask(10);
  expect(forwarded.expired(9)).toEqual([]);
  expect(forwarded.expired(10)).toEqual([3]);
  expect(forwarded.abandon()).toEqual([]);
});

/** Sleeps for 125 at most, and is late from 25 on. */
const DOZING = { ...TIMING, heartbeat: 50, stall: 25 };

test('a wake-up that comes far too late counts as one tick, and every later moment with it', () => {
  const time = new LivedTime(DOZING, 0);
  expect(time.at(1_000)).toBe(1_000);
  expect(time.wakeAt(1_050)).toBe(1_050);
  expect(time.at(1_075)).toBe(1_075);
  expect(time.wakeAt(1_100)).toBe(1_100);
  expect(time.at(9_300)).toBe(1_110);
  expect(time.at(9_305)).toBe(1_115);
  expect(time.wakeAt(1_150)).toBe(9_340);
});

test('who waits for long is woken in between, so that it does not sleep through a gap', () => {
  const time = new LivedTime(DOZING, 0);
  expect(time.at(1_000)).toBe(1_000);
  expect(time.wakeAt(1_300)).toBe(1_125);
  expect(time.at(1_299)).toBe(1_135);
});

test('who waits for nothing misses nothing', () => {
  const time = new LivedTime(DOZING, 0);
  time.at(0);
  expect(time.wakeAt(Number.POSITIVE_INFINITY)).toBeUndefined();
  expect(time.at(1_000_000)).toBe(1_000_000);
});
