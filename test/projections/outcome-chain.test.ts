import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeOutcomePage, PAGE_ENTRIES } from '../../src/log/outcome-page.ts';
import { CHAIN_WINDOW_BYTES, OutcomeChain } from '../../src/projections/outcome-chain.ts';

function outcome(index: number): Buffer {
  return Buffer.from(`outcome ${index}`);
}

function chainOf(count: number): OutcomeChain {
  const chain = new OutcomeChain();
  for (let index = 1; index <= count; index++) chain.push(outcome(index));
  return chain;
}

/** The digest as the page format documents it, with nothing of our code: each page hashed after the last. */
function documentedDigest(outcomes: readonly Buffer[]): string {
  let digest: Buffer = Buffer.alloc(32);
  for (let first = 0; first < outcomes.length; first += 256) {
    const hash = createHash('sha256').update(digest);
    for (const bytes of outcomes.slice(first, first + 256)) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      hash.update(length).update(bytes);
    }
    digest = hash.digest();
  }
  return digest.toString('hex');
}

test('the digest is the documented one at every index, across pages', () => {
  const chain = new OutcomeChain();
  expect(chain.digest()).toBe('00'.repeat(32));
  const outcomes: Buffer[] = [];
  for (let index = 1; index <= 2 * PAGE_ENTRIES + 3; index++) {
    outcomes.push(outcome(index));
    chain.push(outcome(index));
    const isNearAnEdge = index % PAGE_ENTRIES < 2 || index % PAGE_ENTRIES === PAGE_ENTRIES - 1;
    if (isNearAnEdge) expect(chain.digest()).toBe(documentedDigest(outcomes));
  }
});

test('the digest tells apart any two different histories', () => {
  const bytes = fc.array(fc.uint8Array({ maxLength: 3 }), { maxLength: 4 });
  fc.assert(
    fc.property(bytes, bytes, (one, other) => {
      const [first, second] = [new OutcomeChain(), new OutcomeChain()];
      for (const each of one) first.push(each);
      for (const each of other) second.push(each);
      const same = JSON.stringify(one) === JSON.stringify(other);
      expect(first.digest() === second.digest()).toBe(same);
    }),
  );
});

test('a page is handed over once, when its last outcome comes, and carries the digest on', () => {
  const chain = new OutcomeChain();
  const finished = [];
  for (let index = 1; index <= 2 * PAGE_ENTRIES; index++) {
    const page = chain.push(outcome(index));
    if (page !== undefined) finished.push({ index, ...page });
  }
  expect(finished.map(({ index, page }) => [index, page])).toEqual([
    [PAGE_ENTRIES, 0],
    [2 * PAGE_ENTRIES, 1],
  ]);
  const [one, two] = finished.map(({ encoded }) => decodeOutcomePage(encoded));
  if (one?.kind !== 'page' || two?.kind !== 'page') throw new Error('a finished page is readable');
  expect(two.previousDigest).toEqual(one.digest);
  expect(two.digest.toString('hex')).toBe(chain.digest());
  expect(one.outcomes.map(String)).toEqual(
    Array.from({ length: PAGE_ENTRIES }, (_, place) => `outcome ${place + 1}`),
  );
});

test('recent outcomes are found by index; the future and what is before index 1 are not', () => {
  const chain = chainOf(PAGE_ENTRIES + 5);
  for (const index of [1, PAGE_ENTRIES, PAGE_ENTRIES + 1, PAGE_ENTRIES + 5])
    expect(String(chain.outcome(index))).toBe(`outcome ${index}`);
  for (const index of [-1, 0, PAGE_ENTRIES + 6, 3 * PAGE_ENTRIES])
    expect(chain.outcome(index)).toBeUndefined();
  expect(chainOf(PAGE_ENTRIES).outcome(PAGE_ENTRIES + 1)).toBeUndefined();
});

test('the page being filled can be had as it stands', () => {
  expect(chainOf(PAGE_ENTRIES).unfinished()).toBeUndefined();
  const page = chainOf(PAGE_ENTRIES + 2).unfinished();
  expect(page?.page).toBe(1);
  expect(decodeOutcomePage(page!.encoded)).toMatchObject({ kind: 'page', page: 1 });
});

test('a chain restored at any index goes on to the same digests and pages', () => {
  fc.assert(
    fc.property(fc.nat(2 * PAGE_ENTRIES + 2), fc.nat(PAGE_ENTRIES + 2), (cut, more) => {
      const [live, restored] = [chainOf(cut), new OutcomeChain()];
      restored.restore(live.state());
      for (let index = cut + 1; index <= cut + more; index++)
        expect(restored.push(outcome(index))).toEqual(live.push(outcome(index)));
      expect(restored.digest()).toBe(live.digest());
      expect(restored.index).toBe(cut + more);
    }),
    { numRuns: 30 },
  );
});

test('a state whose outcomes do not reach its index is not taken', () => {
  const state = chainOf(PAGE_ENTRIES + 2).state();
  expect(() => new OutcomeChain().restore({ ...state, index: state.index + 1 })).toThrow(
    'a chain goes on inside the page of its index',
  );
});

test('I8: finished pages in memory are bounded by bytes; the oldest go first', () => {
  const chain = new OutcomeChain();
  const bytes = Buffer.alloc(CHAIN_WINDOW_BYTES / PAGE_ENTRIES / 4);
  for (let index = 1; index <= 5 * PAGE_ENTRIES; index++) chain.push(bytes);
  expect(chain.outcome(1)).toBeUndefined();
  expect(chain.outcome(2 * PAGE_ENTRIES)).toBeUndefined();
  expect(chain.outcome(2 * PAGE_ENTRIES + 1)).toEqual(bytes);
  expect(chain.outcome(5 * PAGE_ENTRIES)).toEqual(bytes);
});
