import { describe, expect, test } from 'vitest';
import type { Chunk } from '../../src/log/block.ts';
import { RecentBlocks, Window } from '../../src/log/window.ts';

const block = (first: number, last: number, bytes = 10): Chunk => ({
  first,
  last,
  frames: Buffer.alloc(bytes),
});

describe('the recent blocks of a group', () => {
  test('are found by any index they hold, and by no other', () => {
    const recent = new RecentBlocks();
    const blocks = Array.from({ length: 200 }, (_, at) => block(at * 5 + 1, at * 5 + 5));
    for (const each of blocks) recent.push(each);
    for (let index = 1; index <= 1_000; index++)
      expect(recent.find(index)).toBe(blocks[Math.floor((index - 1) / 5)]);
    expect(recent.find(0)).toBeUndefined();
    expect(recent.find(1_001)).toBeUndefined();
  });

  test('may have a gap, where a block was cut', () => {
    const recent = new RecentBlocks();
    recent.push(block(1, 5));
    recent.push(block(8, 9));
    expect(recent.find(6)).toBeUndefined();
    expect(recent.find(8)).toMatchObject({ first: 8 });
  });

  test('forget what is not wholly within a range', () => {
    const recent = new RecentBlocks();
    for (const first of [1, 6, 11, 16]) recent.push(block(first, first + 4));
    recent.clip(6, 14);
    expect([3, 6, 10, 11, 16].map((index) => recent.find(index)?.first)).toEqual([
      undefined,
      6,
      6,
      undefined,
      undefined,
    ]);
  });
});

describe('the window', () => {
  test('I8: holds at most its entries over all groups; the oldest blocks go first', () => {
    const window = new Window({ entries: 10, bytes: 1_000 });
    const one = new RecentBlocks();
    const other = new RecentBlocks();
    window.keep(one, block(1, 4));
    window.keep(other, block(1, 4));
    window.keep(one, block(5, 8));
    expect(one.find(1)).toBeUndefined();
    expect(other.find(1)).toBeDefined();
    expect(one.find(5)).toBeDefined();
  });

  test('I8: holds at most its bytes', () => {
    const window = new Window({ entries: 1_000, bytes: 25 });
    const recent = new RecentBlocks();
    for (const index of [1, 2, 3]) window.keep(recent, block(index, index));
    expect([1, 2, 3].map((index) => recent.find(index) !== undefined)).toEqual([false, true, true]);
  });

  test('forgets without harm what a truncation took already', () => {
    const window = new Window({ entries: 2, bytes: 1_000 });
    const recent = new RecentBlocks();
    window.keep(recent, block(1, 1));
    window.keep(recent, block(2, 2));
    recent.clip(1, 1);
    const rewritten = block(2, 2);
    window.keep(recent, rewritten);
    window.keep(recent, block(3, 3));
    expect(recent.find(2)).toBe(rewritten);
  });
});
