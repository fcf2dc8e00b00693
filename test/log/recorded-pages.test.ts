import { expect, onTestFinished, test } from 'vitest';
import { groupKeys, numbered } from '../../src/log/keys.ts';
import { openStore } from '../../src/log/open-store.ts';
import { RecordedPages } from '../../src/log/recorded-pages.ts';
import { JOB, MAIN, temporaryDirectory } from './fixtures.ts';
import { MemoryStore } from './memory-store.ts';

const PREFIX = groupKeys(MAIN).page;
const contentOf = (page: number): Buffer => Buffer.from(`page ${page}`);

async function put(store: Pick<MemoryStore, 'batch'>, pages: readonly number[]): Promise<void> {
  const batch = store.batch();
  for (const page of pages) batch.put(numbered(PREFIX, page), contentOf(page));
  batch.put(numbered(groupKeys(JOB).page, 3), Buffer.from('of another group'));
  await batch.write({ sync: false });
}

async function readIn(reader: RecordedPages, order: readonly number[]): Promise<unknown[]> {
  const read: unknown[] = [];
  for (const page of order) read.push((await reader.at(page))?.toString());
  return read;
}

function pagesTo(last: number): number[] {
  return Array.from({ length: last + 1 }, (_, page) => page);
}

test('every page is given, forward, backward and across, and a missing one is missing', async () => {
  const store = new MemoryStore();
  await put(
    store,
    pagesTo(30).filter((page) => page % 7 !== 5),
  );
  const reader = new RecordedPages(store, PREFIX);
  const orders = [pagesTo(32), pagesTo(32).toReversed(), [3, 3, 4, 5, 6, 20, 21, 2, 3], [31, 32]];
  for (const order of orders)
    expect(await readIn(reader, order)).toEqual(
      order.map((page) => (page > 30 || page % 7 === 5 ? undefined : `page ${page}`)),
    );
});

test('a page that was written after the scan began is given too', async () => {
  const store = new MemoryStore();
  await put(store, pagesTo(3));
  const reader = new RecordedPages(store, PREFIX);
  expect(await readIn(reader, [0, 1, 2])).toEqual(['page 0', 'page 1', 'page 2']);
  await put(store, [4, 5]);
  expect(await readIn(reader, [3, 4, 5, 6])).toEqual(['page 3', 'page 4', 'page 5', undefined]);
});

test('I9: a reader that was closed holds nothing of the store, and can be asked again', async () => {
  const store = await openStore(await temporaryDirectory());
  onTestFinished(() => store.close());
  await put(store, pagesTo(9));
  const reader = new RecordedPages(store, PREFIX);
  expect(await readIn(reader, [0, 1])).toEqual(['page 0', 'page 1']);
  await reader.close();
  await reader.close();
  expect(await readIn(reader, [2, 3, 4])).toEqual(['page 2', 'page 3', 'page 4']);
  await reader.close();
});
