import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readUint64, writeUint64 } from '../../src/log/integer.ts';

function roundTrip(value: number): number {
  const bytes = Buffer.alloc(10, 0xff);
  writeUint64(bytes, value, 1);
  expect([bytes[0], bytes[9]]).toEqual([0xff, 0xff]);
  return readUint64(bytes, 1);
}

test('every safe whole number comes back, on either side of its halves', () => {
  const edges = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];
  for (const value of edges) expect(roundTrip(value)).toBe(value);
  fc.assert(fc.property(fc.maxSafeNat(), (value) => roundTrip(value) === value));
});

test('where the bytes end before it does, or do not begin, it is not read', () => {
  const bytes = Buffer.alloc(8);
  expect(readUint64(bytes, 0)).toBe(0);
  for (const offset of [-1, 1, 8, Number.NaN])
    expect(() => readUint64(bytes, offset)).toThrow(RangeError);
});

test('what is above them is no number, and is not written', () => {
  expect(readUint64(Buffer.from('0020000000000000', 'hex'), 0)).toBeNaN();
  for (const value of [-1, 0.5, 2 ** 53, Number.NaN])
    expect(() => writeUint64(Buffer.alloc(8), value, 0)).toThrow('an unsigned safe integer');
});
