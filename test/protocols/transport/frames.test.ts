import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  assertFits,
  BODY_BYTES_MAX,
  type Frame,
  FRAME_BYTES_MAX,
  FrameFault,
  FrameReader,
  frameOf,
  frameWithId,
  pack,
} from '../../../src/protocols/transport/frames.ts';

/** Everything a reader makes of pieces of a stream. */
function payloadsOf(pieces: readonly Buffer[], limit = FRAME_BYTES_MAX): Buffer[] {
  const reader = new FrameReader(limit);
  const payloads: Buffer[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let next = reader.next(); next !== undefined; next = reader.next()) payloads.push(next);
  }
  return payloads;
}

function bytesOf(frames: readonly Frame[]): Buffer {
  return Buffer.concat(pack(frames));
}

const anyFrame = fc
  .record({ kind: fc.nat(255), length: fc.nat(40_000) })
  .map(({ kind, length }) => {
    const body = Buffer.alloc(length, `body of ${length}`);
    return { frame: frameOf(kind, body), payload: Buffer.concat([Buffer.from([kind]), body]) };
  });

test('a frame is its length, its kind and its body', () => {
  expect(bytesOf([frameOf(7, Buffer.from('ab'))])).toEqual(
    Buffer.from([0, 0, 0, 3, 7, 0x61, 0x62]),
  );
  expect(bytesOf([frameWithId(4, 258, Buffer.from('a'))])).toEqual(
    Buffer.from([0, 0, 0, 6, 4, 0, 0, 1, 2, 0x61]),
  );
});

test('frames come out as they went in, however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(anyFrame, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1 }),
      (written, cuts) => {
        const bytes = bytesOf(written.map(({ frame }) => frame));
        const pieces: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += pieces.at(-1)!.length)
          pieces.push(bytes.subarray(at, at + cuts[pieces.length % cuts.length]!));
        const read = payloadsOf(pieces);
        expect(read).toHaveLength(written.length);
        expect(written.every(({ payload }, place) => payload.equals(read[place]!))).toBe(true);
      },
    ),
  );
});

test('frames come out as they went in, byte by byte', () => {
  const bytes = bytesOf([
    frameOf(3, Buffer.from('one')),
    frameOf(4),
    frameOf(5, Buffer.alloc(300)),
  ]);
  const pieces = Array.from(bytes, (byte) => Buffer.from([byte]));
  expect(payloadsOf(pieces).map(({ length }) => length)).toEqual([4, 1, 301]);
});

test('a frame of length 0, or longer than allowed, is a fault before a byte of it is kept', () => {
  expect(() => payloadsOf([Buffer.from([0, 0, 0, 0])])).toThrow(FrameFault);
  expect(() => payloadsOf([Buffer.from([0xff, 0xff, 0xff, 0xff])])).toThrow(/4294967295 bytes/);
  expect(() => payloadsOf([Buffer.from([0, 0, 4, 1])], 1024)).toThrow(FrameFault);
  expect(payloadsOf([Buffer.from([0, 0, 4, 0])], 1024)).toEqual([]);
});

test('random bytes give payloads or a fault, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (pieces) => {
      try {
        const payloads = payloadsOf(pieces.map((piece) => Buffer.from(piece)));
        expect(payloads.every(({ length }) => length > 0)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(FrameFault);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('the longest body fits into a frame with an id, one byte more does not', () => {
  expect(() => assertFits(Buffer.alloc(BODY_BYTES_MAX))).not.toThrow();
  expect(() => assertFits(Buffer.alloc(BODY_BYTES_MAX + 1))).toThrow(RangeError);
  const longest = bytesOf([frameWithId(4, 1, Buffer.alloc(BODY_BYTES_MAX))]);
  expect(payloadsOf([longest])).toHaveLength(1);
});

test('short frames of a turn are one buffer; a long body is not copied', () => {
  const long = Buffer.alloc(100_000);
  const short = Array.from({ length: 50 }, () => frameOf(3, Buffer.from('short')));
  expect(pack(short)).toHaveLength(1);
  expect(pack([...short, frameOf(3, long), ...short])[1]).toBe(long);
});
