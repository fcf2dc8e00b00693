import { expect, test } from 'vitest';
import type { Chunk } from '../../src/log/block.ts';
import { blockOf, encodeBlock } from '../../src/log/block.ts';
import { numbered } from '../../src/log/keys.ts';
import { Slab } from '../../src/log/slab.ts';

const KIB = 1024;

test('what is small shares a slab with its like, and with nothing else', () => {
  const slab = new Slab();
  const [one, other] = [slab.take(700), slab.take(300)];
  expect([one.length, other.length]).toEqual([700, 300]);
  expect(other.buffer).toBe(one.buffer);
  expect(other.byteOffset).toBe(one.byteOffset + 700);
  expect(Buffer.from('a message').buffer).not.toBe(one.buffer);
});

test('what does not fit begins another slab, and what is large has a buffer of its own', () => {
  const slab = new Slab();
  const taken = Array.from({ length: 17 }, () => slab.take(4 * KIB));
  expect(new Set(taken.slice(0, 16).map(({ buffer }) => buffer)).size).toBe(1);
  expect(taken[16]?.buffer).not.toBe(taken[0]?.buffer);
  expect(slab.take(9 * KIB).buffer.byteLength).toBe(9 * KIB);
  expect(slab.take(10).buffer).toBe(taken[16]?.buffer);
});

test('I8: blocks that are kept weigh little more than their frames, whatever was written between them', () => {
  const key = numbered(Buffer.from('e/'), 1);
  const kept: Chunk[] = [];
  for (let count = 0; count < 1_000; count++) {
    kept.push(blockOf(key, encodeBlock(key, [Buffer.alloc(500)], 500)));
    // Messages that leave at once, from what Node cuts small buffers of.
    for (let message = 0; message < 20; message++) Buffer.allocUnsafe(400);
  }
  const held = new Set(kept.map(({ frames }) => frames.buffer));
  const bytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(bytes).toBeLessThan(1.3 * kept.length * 500);
});
