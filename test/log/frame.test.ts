import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeEntry, encodeCommand } from '../../src/log/command.ts';
import { COMMAND_BYTES_MAX, placeOf, readFrame, sealFrame } from '../../src/log/frame.ts';
import { splitFrames } from '../../src/log/split-frames.ts';
import { frame } from './fixtures.ts';

const place = fc.record({
  term: fc.maxSafeNat(),
  index: fc.maxSafeNat(),
  at: fc.maxSafeNat(),
});
const command = fc.record({
  type: fc.string({ minLength: 1 }),
  data: fc.dictionary(
    fc.string().filter((name) => name !== '__proto__'),
    fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
  ),
});

test('a frame decodes to the command and the place it was made of', () => {
  fc.assert(
    fc.property(command, place, (given, where) => {
      const sealed = encodeCommand(given);
      sealFrame(sealed, where);
      expect(placeOf(sealed)).toEqual(where);
      expect(readFrame(sealed, 0)).toMatchObject({ kind: 'frame', next: sealed.length });
      expect(decodeEntry(sealed)).toEqual({ ...given, ...where });
    }),
  );
});

test('no flipped bit of a frame goes unnoticed', () => {
  const sealed = frame(7, { data: 'some data' });
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const flipped = Buffer.from(sealed);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    expect(readFrame(flipped, 0).kind).not.toBe('frame');
  }
});

test('a frame that is cut anywhere is torn', () => {
  const sealed = frame(1);
  for (let length = 0; length < sealed.length; length++)
    expect(readFrame(sealed.subarray(0, length), 0)).toEqual({ kind: 'torn', offset: 0 });
});

test('a length beyond the largest command is damage, not a reason to wait for more', () => {
  const sealed = frame(1);
  sealed.writeUInt32BE(COMMAND_BYTES_MAX + 17, 4);
  expect(readFrame(sealed, 0)).toMatchObject({ kind: 'damaged', reason: 'impossible length' });
});

test('frames that lie one behind the other come apart again', () => {
  const frames = [frame(1), frame(2, { data: 'longer data' }), frame(3)];
  expect(splitFrames(Buffer.concat(frames))).toEqual(frames);
});
