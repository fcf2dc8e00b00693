import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { uncompressed } from '../../src/log/leveldb-snappy.ts';

describe('Snappy', () => {
  test.each([
    ['nothing', [0], ''],
    ['text', [5, 4 << 2, ...Buffer.from('abcde')], 'abcde'],
    ['a copy from one byte of distance', [9, 4 << 2, ...Buffer.from('abcde'), 1, 5], 'abcdeabcd'],
    [
      'a copy from two bytes of distance',
      [7, 4 << 2, ...Buffer.from('abcde'), (1 << 2) | 2, 4, 0],
      'abcdebc',
    ],
    [
      'a copy from four bytes of distance',
      [7, 4 << 2, ...Buffer.from('abcde'), (1 << 2) | 3, 4, 0, 0, 0],
      'abcdebc',
    ],
    [
      'a copy that reaches into itself',
      [7, 1 << 2, ...Buffer.from('ab'), 1 | (1 << 2), 2],
      'abababa',
    ],
    ['long text', [62, 60 << 2, 61, ...Buffer.from('x'.repeat(62))], 'x'.repeat(62)],
  ])('gives back %s', (_what, bytes, text) => {
    expect(uncompressed(Buffer.from(bytes))?.toString()).toBe(text);
  });

  test.each([
    ['a length that no compression reaches', [255, 255, 255, 255, 15, 0]],
    ['a copy from before the beginning', [5, 0, 97, 1, 2]],
    ['a copy from where it stands', [5, 0, 97, 1, 0]],
    ['more than was announced', [1, 4 << 2, ...Buffer.from('abcde')]],
    ['less than was announced', [6, 4 << 2, ...Buffer.from('abcde')]],
    ['text that is cut off', [5, 4 << 2, ...Buffer.from('abc')]],
  ])('refuses %s', (_what, bytes) => {
    expect(uncompressed(Buffer.from(bytes))).toBeUndefined();
  });

  test('any bytes at all give a text of the announced length or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = uncompressed(Buffer.from(bytes));
        if (text !== undefined && (bytes[0] ?? 0) < 128) expect(text.length).toBe(bytes[0] ?? 0);
      }),
      { numRuns: 2_000 },
    );
  });
});
