import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkBlock,
  type Chunk,
  decodeBlock,
  encodeBlock,
  encodeChunk,
  firstPlace,
  frameIn,
  lastPlace,
  pieces,
  slice,
} from '../../src/log/block.ts';
import { groupKeys, numbered } from '../../src/log/keys.ts';
import { splitFrames } from '../../src/log/split-frames.ts';
import { frame, JOB, MAIN } from './fixtures.ts';

const keys = groupKeys(MAIN);

function blockFrom(first: number, frames: readonly Buffer[]): { key: Buffer; value: Buffer } {
  const key = numbered(keys.block, first);
  const bytes = frames.reduce((sum, { length }) => sum + length, 0);
  return { key, value: encodeBlock(key, frames, bytes) };
}

function decoded(first: number, frames: readonly Buffer[]): Chunk {
  const { key, value } = blockFrom(first, frames);
  return decodeBlock(key, value)!;
}

const run = (first: number, count: number, terms: (at: number) => number = () => 1): Buffer[] =>
  Array.from({ length: count }, (_, at) =>
    frame(first + at, { term: terms(at), data: 'd'.repeat((at * 7) % 40) }),
  );

describe('a block', () => {
  test('decodes to the frames it was made of', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 40 }),
        fc.integer({ min: 1, max: 30 }),
        (first, count) => {
          const frames = run(first, count);
          const block = decoded(first, frames);
          expect([block.first, block.last]).toEqual([first, first + count - 1]);
          expect(splitFrames(block.frames)).toEqual(frames);
          expect(checkBlock(block)).toMatchObject({
            kind: 'whole',
            last: { index: first + count - 1 },
          });
        },
      ),
    );
  });

  test('no flipped bit of its value or its key goes unnoticed', () => {
    const { key, value } = blockFrom(5, run(5, 3));
    for (let bit = 0; bit < value.length * 8; bit++) {
      const flipped = Buffer.from(value);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeBlock(key, flipped)).toBeUndefined();
    }
    for (let bit = 0; bit < key.length * 8; bit++) {
      const flipped = Buffer.from(key);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeBlock(flipped, value)).toBeUndefined();
    }
  });

  test('filed under another group, incarnation or index it is damage, though every byte is intact', () => {
    const { value } = blockFrom(5, run(5, 3));
    const elsewhere = [
      numbered(groupKeys(JOB).block, 5),
      numbered(groupKeys({ ...MAIN, incarnation: 1 }).block, 5),
      numbered(keys.block, 6),
    ];
    for (const key of elsewhere) expect(decodeBlock(key, value)).toBeUndefined();
  });

  test('an index that is not the next one is damage, named with its byte', () => {
    const frames = [frame(1), frame(3)];
    expect(checkBlock(decoded(1, frames))).toEqual({
      kind: 'damaged',
      index: 2,
      offset: frames[0]!.length,
      reason: 'entry 3 lies where 2 should be',
    });
  });

  test('a term that falls is damage', () => {
    const frames = run(1, 3, (at) => 3 - at);
    expect(checkBlock(decoded(1, frames))).toMatchObject({ index: 2, reason: 'the term falls' });
  });

  test('fewer or more frames than it counts are damage', () => {
    const block = decoded(1, run(1, 3));
    expect(checkBlock({ ...block, last: 4 })).toMatchObject({ kind: 'damaged', index: 4 });
    expect(checkBlock({ ...block, last: 2 })).toMatchObject({
      reason: 'bytes after the last frame',
    });
  });
});

describe('a part of a block', () => {
  test('is exactly the frames asked for, wherever it begins and ends', () => {
    const frames = run(10, 12);
    const block = decoded(10, frames);
    for (let first = 8; first <= 21; first++)
      for (let last = Math.max(first, 10); last <= 23; last++) {
        const part = slice(block, first, last);
        const wanted = frames.slice(Math.max(0, first - 10), last - 9);
        expect(splitFrames(part.frames)).toEqual(wanted);
        expect([part.first, part.last]).toEqual([Math.max(first, 10), Math.min(last, 21)]);
      }
  });

  test('stands on its own as a block', () => {
    const part = slice(decoded(10, run(10, 5)), 10, 12);
    const key = numbered(keys.block, 10);
    expect(decodeBlock(key, encodeChunk(key, part))).toEqual(part);
  });

  test('can be one entry', () => {
    const frames = run(1, 4, (at) => at + 1);
    const block = decoded(1, frames);
    expect(frameIn(block, 3)).toEqual(frames[2]);
    expect(firstPlace(block)).toMatchObject({ index: 1, term: 1 });
    expect(lastPlace(block)).toMatchObject({ index: 4, term: 4 });
  });
});

describe('pieces of a block', () => {
  test('stay within the budget, and are all of it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 2_000 }),
        (count, budget) => {
          const frames = run(1, count);
          const cut = [...pieces(decoded(1, frames), budget)];
          expect(cut.flatMap((piece) => splitFrames(piece.frames))).toEqual(frames);
          for (const piece of cut)
            if (piece.last > piece.first) expect(piece.frames.length).toBeLessThanOrEqual(budget);
        },
      ),
    );
  });

  test('a frame larger than the budget is a piece of its own', () => {
    const frames = [frame(1), frame(2, { data: 'x'.repeat(5_000) }), frame(3)];
    const cut = [...pieces(decoded(1, frames), 1_000)];
    expect(cut.map(({ first, last }) => [first, last])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });
});
