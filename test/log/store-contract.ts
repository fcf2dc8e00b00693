/** What every store promises. One call in each implementation's test. */
import { describe, expect, test } from 'vitest';
import { type Pair, pairs, type Store } from '../../src/log/store.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const range = (from: string, to: string): { from: Buffer; to: Buffer } => ({
  from: bytes(from),
  to: bytes(to),
});

async function put(store: Store, ...names: string[]): Promise<void> {
  const batch = store.batch();
  for (const name of names) batch.put(bytes(name), bytes(`value of ${name}`));
  await batch.write({ sync: true });
}

async function namesIn(store: Store, from: string, to: string): Promise<string[]> {
  const names: string[] = [];
  for await (const [key] of pairs(store.scan(range(from, to)))) names.push(key.toString('latin1'));
  return names;
}

/** @param open gives a new, empty store that is closed when the test is over */
export function storeContract(open: () => Promise<Store>): void {
  describe('a store', () => {
    test('gives back what was put, and nothing for what was not', async () => {
      const store = await open();
      await put(store, 'a');
      expect((await store.get(bytes('a')))?.toString()).toBe('value of a');
      expect(await store.get(bytes('b'))).toBeUndefined();
      const [one, other] = await store.getMany([bytes('b'), bytes('a')]);
      expect([one, other?.toString()]).toEqual([undefined, 'value of a']);
    });

    test('shows nothing of a batch before it is written, and all of it afterwards', async () => {
      const store = await open();
      await put(store, 'gone');
      const batch = store.batch();
      batch.put(bytes('a'), bytes('1'));
      batch.delete(bytes('gone'));
      expect(await store.get(bytes('a'))).toBeUndefined();
      await batch.write({ sync: false });
      expect(await namesIn(store, 'a', 'z')).toEqual(['a']);
    });

    test('keeps the value as it was when it was put, whatever happens to the buffer', async () => {
      const store = await open();
      const value = bytes('before');
      const batch = store.batch();
      batch.put(bytes('a'), value);
      value.fill(0);
      await batch.write({ sync: true });
      expect((await store.get(bytes('a')))?.toString()).toBe('before');
    });

    test('scans a range in the order of its bytes, both ends included', async () => {
      const store = await open();
      await put(store, 'c', 'a', '\xff', 'b', 'bb', '\x00');
      expect(await namesIn(store, 'a', 'c')).toEqual(['a', 'b', 'bb', 'c']);
      expect(await namesIn(store, '\x00', '\xff')).toEqual(['\x00', 'a', 'b', 'bb', 'c', '\xff']);
      expect(await namesIn(store, 'x', 'y')).toEqual([]);
    });

    test('scans what was there when the scan began', async () => {
      const store = await open();
      await put(store, ...Array.from({ length: 2_500 }, (_, at) => `k${1_000 + at}`));
      const pages: (readonly Pair[])[] = [];
      for await (const page of store.scan(range('k', 'l'))) {
        if (pages.length === 0) await store.clear(range('k', 'l'));
        expect(page.length).toBeGreaterThan(0);
        pages.push(page);
      }
      expect(pages.flat()).toHaveLength(2_500);
      expect(await namesIn(store, 'k', 'l')).toEqual([]);
    });

    test('can be left in the middle of a scan', async () => {
      const store = await open();
      await put(store, 'a', 'b', 'c');
      for await (const [key] of pairs(store.scan(range('a', 'c')))) {
        expect(key.toString()).toBe('a');
        break;
      }
    });

    test('finds the first and the last pair of a range', async () => {
      const store = await open();
      await put(store, 'a', 'b', 'c');
      expect((await store.first(range('aa', 'z')))?.[0].toString()).toBe('b');
      expect((await store.last(range('a', 'bb')))?.[0].toString()).toBe('b');
      expect(await store.first(range('x', 'z'))).toBeUndefined();
      expect(await store.last(range('x', 'z'))).toBeUndefined();
    });

    test('clears a range, both ends included', async () => {
      const store = await open();
      await put(store, 'a', 'b', 'c', 'd');
      await store.clear(range('b', 'c'));
      expect(await namesIn(store, 'a', 'z')).toEqual(['a', 'd']);
    });

    test('knows a size for every range', async () => {
      const store = await open();
      await put(store, 'a', 'b');
      expect(await store.approximateSize(range('a', 'z'))).toBeGreaterThanOrEqual(0);
    });
  });
}
