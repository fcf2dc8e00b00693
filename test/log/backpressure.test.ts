import { describe, expect, test } from 'vitest';
import {
  Backpressure,
  levelAt,
  QUEUE_BYTES_MAX,
  QUEUE_ENTRIES_MAX,
  worse,
} from '../../src/log/backpressure.ts';
import { TRAFFIC } from '../../src/log/traffic.ts';

const SHARED = QUEUE_ENTRIES_MAX * 0.9;

function filled(entries: number, bytes = 0): Backpressure {
  const backpressure = new Backpressure();
  backpressure.joined(entries, bytes);
  return backpressure;
}

const admitted = (backpressure: Backpressure): readonly string[] =>
  TRAFFIC.filter((traffic) => backpressure.admits(traffic, 1));

describe('trap 16: the levels begin exactly at 0.70, 0.85 and 0.95 of the nine tenths', () => {
  test.each([
    [0, 'none'],
    [0.7 * SHARED - 1, 'none'],
    [0.7 * SHARED, 'throttle'],
    [0.85 * SHARED - 1, 'throttle'],
    [0.85 * SHARED, 'batch'],
    [0.95 * SHARED - 1, 'batch'],
    [0.95 * SHARED, 'reject'],
    [QUEUE_ENTRIES_MAX, 'reject'],
  ])('%i entries: %s', (entries, level) => {
    expect(filled(entries).level).toBe(level);
  });

  test('by bytes as by entries, whichever is fuller', () => {
    const bytes = (share: number): number => Math.ceil(share * 0.9 * QUEUE_BYTES_MAX);
    expect(filled(1, bytes(0.7) - 1).level).toBe('none');
    expect(filled(1, bytes(0.7)).level).toBe('throttle');
    expect(filled(1, bytes(0.85)).level).toBe('batch');
    expect(filled(1, bytes(0.95)).level).toBe('reject');
    expect(filled(0.95 * SHARED, bytes(0.7)).level).toBe('reject');
  });

  test('a boundary belongs to the level above it', () => {
    expect([0.7, 0.85, 0.95].map(levelAt)).toEqual(['throttle', 'batch', 'reject']);
    expect([0.6999, 0.8499, 0.9499].map(levelAt)).toEqual(['none', 'throttle', 'batch']);
  });
});

describe('admission', () => {
  test.each([
    [0.7 * SHARED, ['control', 'dispatch', 'data', 'telemetry']],
    [0.85 * SHARED, ['control', 'dispatch', 'data']],
    [0.95 * SHARED, ['control', 'dispatch']],
    [SHARED - 1, ['control', 'dispatch']],
    [SHARED, ['control']],
    [QUEUE_ENTRIES_MAX - 1, ['control']],
    [QUEUE_ENTRIES_MAX, []],
  ])('with %i entries waiting: %j', (entries, classes) => {
    expect(admitted(filled(entries))).toEqual(classes);
  });

  test('a frame that would not fit is refused, whatever its class', () => {
    const backpressure = filled(1, QUEUE_BYTES_MAX - 10);
    expect(backpressure.admits('control', 10)).toBe(true);
    expect(backpressure.admits('control', 11)).toBe(false);
  });

  test('what left the queue makes room again', () => {
    const backpressure = filled(QUEUE_ENTRIES_MAX);
    backpressure.left(QUEUE_ENTRIES_MAX, 0);
    expect(backpressure).toMatchObject({ level: 'none', entries: 0, peak: QUEUE_ENTRIES_MAX });
  });
});

test('of two levels the worse one counts', () => {
  expect(worse('none', 'batch')).toBe('batch');
  expect(worse('reject', 'throttle')).toBe('reject');
});
