import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeOutcomePage,
  encodeOutcomePage,
  firstOfPage,
  GENESIS_DIGEST,
  PAGE_ENTRIES,
  pageDigest,
  pageOf,
} from '../../src/log/outcome-page.ts';

const outcomes = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: PAGE_ENTRIES });

test('a page decodes to the outcomes it was made of, and its digest follows from them', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      outcomes,
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (page, given, before) => {
        const previousDigest = Buffer.from(before);
        const read = decodeOutcomePage(
          encodeOutcomePage({ page, outcomes: given, previousDigest }),
        );
        expect(read).toEqual({
          kind: 'page',
          page,
          outcomes: given.map((outcome) => Buffer.from(outcome)),
          previousDigest,
          digest: given.length === 0 ? expect.any(Buffer) : pageDigest(previousDigest, given),
        });
      },
    ),
  );
});

test('no flipped bit of a page goes unnoticed', () => {
  const bytes = encodeOutcomePage({
    page: 3,
    outcomes: [Buffer.from('one'), Buffer.alloc(0), Buffer.from('three')],
    previousDigest: GENESIS_DIGEST,
  });
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    expect(decodeOutcomePage(flipped).kind).toBe('damaged');
  }
});

test('a page that is cut anywhere is damaged', () => {
  const bytes = encodeOutcomePage({
    page: 0,
    outcomes: [Buffer.of(1)],
    previousDigest: GENESIS_DIGEST,
  });
  for (let length = 0; length < bytes.length; length++)
    expect(decodeOutcomePage(bytes.subarray(0, length)).kind).toBe('damaged');
});

test('page p holds the entries 256 p + 1 to 256 (p + 1)', () => {
  expect([1, 256, 257, 512, 513].map(pageOf)).toEqual([0, 0, 1, 1, 2]);
  expect([0, 1, 2].map(firstOfPage)).toEqual([1, 257, 513]);
});
