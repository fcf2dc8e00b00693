import CRC32C from 'crc-32/crc32c.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES, scanRecords } from '../../src/log/leveldb-records.ts';

const FULL = 1;
const FIRST = 2;
const MIDDLE = 3;
const LAST = 4;

function physical(type: number, payload: Buffer): Buffer {
  const body = Buffer.concat([Buffer.of(type), payload]);
  const sum = CRC32C.buf(body);
  const header = Buffer.alloc(6);
  header.writeUInt32LE((((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0, 0);
  header.writeUInt16LE(payload.length, 4);
  return Buffer.concat([header, body]);
}

function typeOf(begun: boolean, ended: boolean): number {
  if (begun) return ended ? LAST : MIDDLE;
  return ended ? FULL : FIRST;
}

/** Lays records out as LevelDB's log writer does. */
function written(payloads: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  let offset = 0;
  const put = (part: Buffer): void => {
    parts.push(part);
    offset += part.length;
  };
  const left = (): number => BLOCK_BYTES - (offset % BLOCK_BYTES);
  for (const payload of payloads) {
    let at = 0;
    let begun = false;
    for (let ended = false; !ended; begun = true) {
      if (left() < 7) put(Buffer.alloc(left()));
      const end = Math.min(payload.length, at + left() - 7);
      ended = end === payload.length;
      put(physical(typeOf(begun, ended), payload.subarray(at, end)));
      at = end;
    }
  }
  return Buffer.concat(parts);
}

/** Payloads without zeros: those are what a power cut leaves. */
const payload = (bytes: number, seed = 1): Buffer =>
  Buffer.alloc(bytes).map((_, at) => ((at * 31 + seed * 17) % 255) + 1) as Buffer;

const sizes = fc.array(
  fc.oneof(fc.nat(200), fc.integer({ min: 32_700, max: 32_800 }), fc.nat(90_000)),
  {
    minLength: 1,
    maxLength: 6,
  },
);

describe('LevelDB records', () => {
  test('are whole when they are as they were written, however they were cut into blocks', () => {
    fc.assert(
      fc.property(sizes, (lengths) => {
        const bytes = written(lengths.map((length, at) => payload(length, at)));
        expect(scanRecords(bytes)).toEqual({ kind: 'whole', records: lengths.length });
      }),
      { numRuns: 60 },
    );
    expect(scanRecords(Buffer.alloc(0))).toEqual({ kind: 'whole', records: 0 });
  });

  test('trap 14: cut off anywhere, they are torn or whole, never damaged', () => {
    fc.assert(
      fc.property(sizes, fc.double({ min: 0, max: 1, noNaN: true }), (lengths, share) => {
        const bytes = written(lengths.map((length, at) => payload(length, at)));
        const end = Math.floor(bytes.length * share);
        const scan = scanRecords(bytes.subarray(0, end));
        expect(scan.kind).not.toBe('damaged');
        if (scan.kind === 'torn') expect(scan.offset).toBeLessThan(end);
      }),
      { numRuns: 100 },
    );
  });

  test('trap 14: cut off and filled with zeros, they are torn', () => {
    const bytes = written([payload(50), payload(10_000)]);
    for (const [from, to] of [
      [57, 20_000],
      [4_096, 10_064],
      [8_192, 10_064],
    ] as const) {
      const zeroed = Buffer.alloc(Math.max(to, bytes.length));
      bytes.copy(zeroed, 0, 0, from);
      expect(scanRecords(zeroed)).toEqual({ kind: 'torn', offset: 57 });
    }
  });

  test('a record that was cut off is torn where its first part begins', () => {
    const bytes = written([payload(100), payload(80_000)]);
    expect(scanRecords(bytes.subarray(0, 70_000))).toEqual({ kind: 'torn', offset: 107 });
    expect(scanRecords(bytes.subarray(0, BLOCK_BYTES))).toEqual({ kind: 'torn', offset: 107 });
  });

  test('trap 14: no flipped bit is taken for a torn end or for nothing', () => {
    const bytes = written([payload(40), payload(33_000), payload(60)]);
    const tested = [...Array(400).keys()].map((at) => Math.floor((at * bytes.length) / 400));
    for (const at of [
      ...tested,
      ...Array(90).keys(),
      ...[...Array(70).keys()].map((back) => bytes.length - 1 - back),
    ])
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[at]! ^= 1 << bit;
        expect(scanRecords(flipped), `byte ${at}, bit ${bit}`).toMatchObject({ kind: 'damaged' });
      }
  });

  test('a flipped bit in a record that ends in zeros is damage', () => {
    const bytes = written([payload(50), Buffer.concat([payload(9_000), Buffer.alloc(900)])]);
    expect(scanRecords(bytes)).toMatchObject({ kind: 'whole' });
    bytes[100]! ^= 1;
    expect(scanRecords(bytes)).toMatchObject({ kind: 'damaged', offset: 57 });
  });

  test('zeros in the middle are damage', () => {
    const bytes = written([payload(50), payload(20_000), payload(50_000)]);
    bytes.fill(0, 57, 20_064);
    expect(scanRecords(bytes)).toMatchObject({ kind: 'damaged', offset: 57 });
  });

  test.each([
    ['a middle without a beginning', [MIDDLE]],
    ['an end without a beginning', [LAST]],
    ['a record within a record', [FIRST, FULL]],
    ['two beginnings', [FIRST, FIRST]],
    ['an unknown type', [9]],
  ])('%s is damage', (_, types) => {
    const bytes = Buffer.concat(types.map((type) => physical(type, payload(20))));
    expect(scanRecords(bytes)).toMatchObject({ kind: 'damaged', offset: (types.length - 1) * 27 });
  });
});
