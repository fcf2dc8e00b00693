import { expect, test } from 'vitest';
import { RaftBug } from '../../../../src/protocols/raft/core/bug.ts';
import { Disk } from '../../../../src/protocols/raft/core/disk.ts';
import { RaftLog } from '../../../../src/protocols/raft/core/log.ts';
import type { TimeoutNow } from '../../../../src/protocols/raft/core/messages.ts';
import { entries, members, ORIGIN } from './cores.ts';

const HARD = { term: 1, vote: '', commit: 0 };

function message(to: string): TimeoutNow {
  return { kind: 'timeout_now', from: 'a', store: 'a1', to, term: 1 };
}

function started(): { readonly log: RaftLog; readonly disk: Disk } {
  return { log: new RaftLog(ORIGIN, ORIGIN, []), disk: new Disk(0) };
}

function append(log: RaftLog, terms: readonly number[]): void {
  for (const entry of entries(terms, log.last.index + 1)) log.append(entry);
}

test('nothing changed: nothing is written', () => {
  const { log, disk } = started();
  expect(disk.write(log, HARD, 0)).toEqual([]);
});

test('a write holds all that is new, and a promise made with it leaves with it', () => {
  const { log, disk } = started();
  append(log, [1, 1]);
  disk.changeHardState();
  expect(disk.promise(message('b'), log)).toBe(false);
  const [write] = disk.write(log, HARD, 0);
  expect(write).toMatchObject({ seq: 1, hard: HARD, then: [message('b')] });
  expect(write?.entries.map(({ index }) => index)).toEqual([1, 2]);
  expect(disk.persisted).toBe(0);
  expect(disk.complete(1, 0)).toEqual([]);
  expect(disk.persisted).toBe(2);
});

test('a promise that rests on a write under way is held until the disk has it', () => {
  const { log, disk } = started();
  append(log, [1]);
  disk.write(log, HARD, 0);
  expect(disk.promise(message('b'), log)).toBe(false);
  expect(disk.write(log, HARD, 0)).toEqual([]);
  expect(disk.complete(1, 0)).toEqual([message('b')]);
  expect(disk.promise(message('b'), log)).toBe(true);
});

test('an answer waits for term and vote only, not for entries', () => {
  const { log, disk } = started();
  append(log, [1]);
  disk.write(log, HARD, 0);
  expect(disk.answer(message('b'))).toBe(true);
  disk.changeHardState();
  expect(disk.answer(message('c'))).toBe(false);
});

test('a write that ends late proves nothing about entries that have replaced those it held', () => {
  const { log, disk } = started();
  append(log, [1, 1, 1, 1]);
  disk.write(log, HARD, 0);
  log.truncate(3);
  disk.truncate(3);
  append(log, [2, 2]);
  const [second] = disk.write(log, HARD, 0);
  expect(second).toMatchObject({ truncate_from: 3 });
  log.truncate(4);
  disk.truncate(4);
  append(log, [3]);
  disk.write(log, HARD, 0);
  disk.complete(1, 0);
  expect(disk.persisted).toBe(2);
  disk.complete(2, 0);
  expect(disk.persisted).toBe(3);
  disk.complete(3, 0);
  expect(disk.persisted).toBe(4);
});

test('a truncation lowers what the disk is known to have, even if it had it before', () => {
  const { log, disk } = started();
  append(log, [1, 1, 1]);
  disk.write(log, HARD, 0);
  disk.complete(1, 0);
  log.truncate(2);
  disk.truncate(2);
  expect(disk.persisted).toBe(1);
});

test('what was appended and taken back between two writes is never written', () => {
  const { log, disk } = started();
  append(log, [1, 1, 1]);
  log.truncate(2);
  disk.truncate(2);
  append(log, [2]);
  const [write] = disk.write(log, HARD, 0);
  expect(write?.truncate_from).toBeUndefined();
  expect(write?.entries.map(({ term }) => term)).toEqual([1, 2]);
});

test('a snapshot in place of the log proves its place once it is on the disk', () => {
  const { log, disk } = started();
  append(log, [1, 1, 1]);
  disk.write(log, HARD, 0);
  const snapshot = { term: 4, index: 9, configuration: members(['a']) };
  log.replace(snapshot);
  disk.replace(snapshot, 1);
  append(log, [4]);
  const [write] = disk.write(log, HARD, 0);
  expect(write).toMatchObject({ snapshot, truncate_from: undefined });
  expect(write?.entries.map(({ index }) => index)).toEqual([10]);
  disk.complete(1, 0);
  expect(disk.persisted).toBe(1);
  disk.complete(2, 0);
  expect(disk.persisted).toBe(10);
});

test('after a failure nothing that promises leaves, and nothing is written', () => {
  const { log, disk } = started();
  append(log, [1]);
  disk.promise(message('b'), log);
  disk.fail();
  expect(disk.write(log, HARD, 0)).toEqual([]);
  expect(disk.promise(message('b'), log)).toBe(false);
  expect(disk.answer(message('b'))).toBe(false);
});

test('a disk is stalled when a write is under way and none has ended for too long', () => {
  const { log, disk } = started();
  expect(disk.isStalled(1_000, 100)).toBe(false);
  append(log, [1]);
  disk.write(log, HARD, 1_000);
  append(log, [1]);
  disk.write(log, HARD, 1_050);
  expect(disk.isStalled(1_100, 100)).toBe(false);
  expect(disk.isStalled(1_101, 100)).toBe(true);
  disk.complete(1, 1_200);
  expect(disk.isStalled(1_300, 100)).toBe(false);
  disk.complete(2, 1_300);
  expect(disk.isStalled(9_000, 100)).toBe(false);
});

test('held answers are bounded: the oldest is dropped', () => {
  const { log, disk } = started();
  disk.changeHardState();
  disk.write(log, HARD, 0);
  for (let count = 0; count < 5_000; count += 1) disk.answer(message(`n${count}`));
  const left = disk.complete(1, 0);
  expect(left.length).toBeLessThan(2_000);
  expect(left.at(-1)).toEqual(message('n4999'));
});

test('a write that was never asked for cannot be on the disk', () => {
  const { disk } = started();
  expect(() => disk.complete(1, 0)).toThrow(RaftBug);
});
