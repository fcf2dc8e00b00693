import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHAIN_START, type ChainEnd, decodeLink, nextLink } from '../../src/log/batch-chain.ts';
import { readChain, standingName } from '../../src/log/chain-reading.ts';
import { groupBytes } from '../../src/log/group.ts';
import { CHAIN_LINKS, linkKey } from '../../src/log/keys.ts';
import { JOB, MAIN } from './fixtures.ts';
import { MemoryStore } from './memory-store.ts';

const touched = (last: number, hardState = 0): Parameters<typeof nextLink>[1][number] => ({
  group: groupBytes(MAIN),
  last,
  term: 1,
  hardState,
});

/** A store that holds the links `first` to `last`, each touching `main` up to its own number. */
async function chained(last: number, start: ChainEnd = CHAIN_START): Promise<MemoryStore> {
  const store = new MemoryStore();
  const batch = store.batch();
  let end = start;
  while (end.number < last) {
    const link = nextLink(end, [touched(end.number + 1)]);
    batch.put(link.key, link.value);
    end = link.end;
  }
  await batch.write({ sync: true });
  return store;
}

const nameOf = (batch: number): string => linkKey(batch).toString('latin1');

describe('a link', () => {
  test('decodes to what it was made of', () => {
    const group = fc.record({
      id: fc.string({ minLength: 1, maxLength: 60 }),
      incarnation: fc.maxSafeNat(),
    });
    const standing = fc.record({
      group,
      last: fc.maxSafeNat(),
      term: fc.maxSafeNat(),
      hardState: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    });
    fc.assert(
      fc.property(fc.nat(), fc.array(standing, { maxLength: 5 }), (number, standings) => {
        const end = { number, sum: number };
        const asBytes = standings.map((given) => ({ ...given, group: groupBytes(given.group) }));
        const link = nextLink(end, asBytes);
        expect(decodeLink(link.key, link.value)).toEqual({
          number: number + 1,
          previous: number,
          touched: standings,
          sum: link.end.sum,
        });
      }),
    );
  });

  test('no flipped bit goes unnoticed', () => {
    const { key, value } = nextLink({ number: 41, sum: 7 }, [touched(9, 3)]);
    for (let bit = 0; bit < value.length * 8; bit++) {
      const flipped = Buffer.from(value);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeLink(key, flipped)).toBeUndefined();
    }
  });
});

describe('the chain', () => {
  test('of an empty store is whole and ends before the first batch', async () => {
    expect(await readChain(new MemoryStore())).toMatchObject({
      end: CHAIN_START,
      broken: undefined,
    });
  });

  test('says where each group stood after the last batch that touched it', async () => {
    const store = await chained(3);
    const { end } = await readChain(store);
    const link = nextLink(end, [{ group: groupBytes(JOB), last: 8, term: 2, hardState: 5 }]);
    const batch = store.batch();
    batch.put(link.key, link.value);
    await batch.write({ sync: true });
    const { standings, broken } = await readChain(store);
    expect(broken).toBeUndefined();
    expect(standings.get(standingName(MAIN))).toMatchObject({ last: 3, batch: 3 });
    expect(standings.get(standingName(JOB))).toMatchObject({
      last: 8,
      term: 2,
      hardState: 5,
      batch: 4,
    });
  });

  test('breaks where a link is missing, and proves only what comes before', async () => {
    const store = await chained(9);
    store.contents.delete(nameOf(6));
    const chain = await readChain(store);
    expect(chain.broken).toMatchObject({ batch: 6 });
    expect(chain.end.number).toBe(5);
    expect(chain.standings.get(standingName(MAIN))).toMatchObject({ last: 5 });
  });

  test('breaks where a link is not tied to the one before', async () => {
    const store = await chained(9);
    const forged = nextLink({ number: 5, sum: 12_345 }, [touched(6)]);
    store.contents.set(nameOf(6), forged.value);
    expect((await readChain(store)).broken).toMatchObject({ batch: 6 });
  });

  test('breaks where the oldest links are missing', async () => {
    const store = await chained(9);
    store.contents.delete(nameOf(1));
    expect((await readChain(store)).broken).toMatchObject({ reason: 'the oldest links are gone' });
  });

  test('breaks where its last link cannot be read', async () => {
    const store = await chained(9);
    store.contents.get(nameOf(9))![10]! ^= 1;
    expect((await readChain(store)).broken).toMatchObject({ batch: 9 });
  });

  test('is a ring: the newest 65 536 links are enough, wherever it was cut', async () => {
    const store = await chained(CHAIN_LINKS + 100);
    const chain = await readChain(store);
    expect(chain).toMatchObject({ end: { number: CHAIN_LINKS + 100 }, links: CHAIN_LINKS });
    expect(chain.broken).toBeUndefined();
  });
});
