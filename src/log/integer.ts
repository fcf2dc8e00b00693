/**
 * Unsigned 64-bit big-endian integers without BigInt: every number on our disks and wires is at most
 * 2^53 − 1, so two 32-bit halves say it exactly and ten times as fast.
 */
import assert from 'node:assert/strict';

const HALF = 2 ** 32;

export function writeUint64(buffer: Buffer, value: number, offset: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, 'an unsigned safe integer');
  buffer.writeUInt32BE(Math.floor(value / HALF), offset);
  buffer.writeUInt32BE(value % HALF, offset + 4);
}

/**
 * @returns the value, or NaN where the bytes hold a number above 2^53 − 1 (only damage does)
 * @throws RangeError where the bytes end before it does
 */
export function readUint64(bytes: Uint8Array, offset: number): number {
  if (!(offset >= 0 && offset + 8 <= bytes.length))
    throw new RangeError(`no 8 bytes from ${offset} on in ${bytes.length}`);
  return joined(half(bytes, offset), half(bytes, offset + 4));
}

/** By hand: a frame's numbers are read ten times on its way, and Buffer's own reader takes three times as long. */
function half(bytes: Uint8Array, at: number): number {
  const upper = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  const lower = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  return ((upper << 16) | lower) >>> 0;
}

/** A product is a floating-point number even if it is 0, and every column that ever held one boxes its numbers. */
function joined(high: number, low: number): number {
  if (high === 0) return low;
  const value = high * HALF + low;
  return Number.isSafeInteger(value) ? value : Number.NaN;
}
