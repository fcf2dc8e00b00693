import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Progress } from '../../../../src/protocols/raft/core/progress.ts';
import { BOUNDS } from './cores.ts';

const bounds = { ...BOUNDS, in_flight_messages: 3, in_flight_bytes: 100 };

function probing(next = 5): Progress {
  return new Progress('b1', next, 0);
}

function replicating(match = 4): Progress {
  const progress = probing();
  progress.accepted(match);
  return progress;
}

test('a probe is sent once, and again only after an answer', () => {
  const progress = probing();
  expect(progress.isPaused(bounds)).toBe(false);
  progress.sent(7, 30);
  expect(progress.isPaused(bounds)).toBe(true);
  expect(progress.next).toBe(5);
  progress.rejected(4, 2);
  expect(progress.isPaused(bounds)).toBe(false);
  expect(progress.next).toBe(3);
});

test('an answer that matches opens the stream', () => {
  const progress = probing();
  expect(progress.accepted(4)).toBe(true);
  expect(progress.state.kind).toBe('replicate');
  expect(progress).toMatchObject({ match: 4, next: 5 });
  expect(progress.accepted(4)).toBe(false);
});

test('a stream is bounded in messages and in bytes, and goes on as answers come', () => {
  const progress = replicating();
  for (const last of [5, 6, 7]) progress.sent(last, 10);
  expect(progress.isPaused(bounds)).toBe(true);
  expect(progress.next).toBe(8);
  progress.accepted(6);
  expect(progress.isPaused(bounds)).toBe(false);
  expect(progress.flight).toMatchObject({ messages: 1, bytes: 10 });
  progress.sent(8, 95);
  expect(progress.isPaused(bounds)).toBe(true);
});

test('late and repeated answers never lower what a follower is known to have', () => {
  const progress = replicating(10);
  progress.sent(15, 10);
  expect(progress.accepted(7)).toBe(false);
  expect(progress).toMatchObject({ match: 10, next: 16 });
  progress.rejected(9, 3);
  expect(progress).toMatchObject({ match: 10, next: 16, state: { kind: 'replicate' } });
});

test('a refusal within the stream goes back to probing, above what matches', () => {
  const progress = replicating(10);
  progress.sent(15, 10);
  progress.sent(20, 10);
  progress.rejected(15, 4);
  expect(progress).toMatchObject({ match: 10, next: 11, state: { kind: 'probe', asked: false } });
  expect(progress.flight).toMatchObject({ messages: 0, bytes: 0 });
});

test('a refusal of an earlier probe is late, and changes nothing', () => {
  const progress = probing(20);
  progress.rejected(12, 3);
  expect(progress.next).toBe(20);
});

test('what was in flight to a follower that was lost is sent again, after one probe', () => {
  const progress = replicating(10);
  progress.sent(15, 10);
  progress.lost();
  expect(progress).toMatchObject({ next: 11, state: { kind: 'probe' } });
  expect(progress.flight.messages).toBe(0);
});

test('to who waits for a snapshot nothing is sent, until its log is one that goes on', () => {
  const progress = probing(5);
  progress.awaitSnapshot(30);
  expect(progress.isPaused(bounds)).toBe(true);
  progress.rejected(4, 0);
  progress.accepted(12);
  expect(progress.state.kind).toBe('snapshot');
  progress.accepted(30);
  expect(progress.state.kind).toBe('replicate');
  expect(progress.next).toBe(31);
});

test('a snapshot that failed is tried again with the next heartbeat, not at once', () => {
  const progress = probing(5);
  progress.awaitSnapshot(30);
  progress.snapshotFailed();
  expect(progress.state).toEqual({ kind: 'probe', asked: true });
  expect(progress.next).toBe(1);
});

test('while old entries are read from the disk, the same are not asked for again', () => {
  const progress = replicating();
  progress.fetching = true;
  expect(progress.isPaused(bounds)).toBe(true);
});

test('whatever happens in whatever order: match never falls, and stays below next', () => {
  const anyEvent = fc.record({
    kind: fc.constantFrom('accepted', 'rejected', 'sent', 'lost', 'snapshot', 'failed', 'probe'),
    index: fc.nat(40),
    hint: fc.nat(40),
  });
  const run: Record<string, (progress: Progress, index: number, hint: number) => void> = {
    accepted: (progress, index) => progress.accepted(index),
    rejected: (progress, index, hint) => progress.rejected(index, Math.min(hint, index)),
    sent: (progress, index) => {
      if (!progress.isPaused(bounds)) progress.sent(progress.next + (index % 5), index);
    },
    lost: (progress) => progress.lost(),
    snapshot: (progress, index) => progress.awaitSnapshot(index),
    failed: (progress) => progress.snapshotFailed(),
    probe: (progress, index) => progress.probe(index),
  };
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
      const progress = probing();
      for (const { kind, index, hint } of events) {
        const before = progress.match;
        run[kind]!(progress, index, hint);
        expect(progress.match).toBeGreaterThanOrEqual(before);
        expect(progress.next).toBeGreaterThan(progress.match);
        expect(progress.flight.bytes).toBeGreaterThanOrEqual(0);
        if (progress.state.kind !== 'replicate') expect(progress.flight.messages).toBe(0);
      }
    }),
  );
});
