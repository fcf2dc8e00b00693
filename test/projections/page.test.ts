import { beforeEach, expect, test } from 'vitest';
import { type Page, PAGE_ROWS_MAX, pageOfRows } from '../../src/projections/page.ts';
import { Table } from '../../src/projections/table.ts';

interface Book {
  readonly id: string;
  readonly year: number;
}

let books: Table<Book>;

beforeEach(() => {
  books = new Table<Book>(
    {
      name: 'books',
      key: (row) => row.id,
      columns: ['id', 'year'],
      indexes: { by_year: (row) => [[row.year]] },
    },
    () => {},
  );
});

const ALL = { index: 'by_year', prefix: [] };

test('pages follow one another in the order of the index, and the last has no cursor', () => {
  for (const [place, id] of ['c', 'a', 'b'].entries()) books.put({ id, year: place % 2 });
  const first = pageOfRows(books, ALL, { after: undefined, limit: 2 });
  expect([first.rows.map(({ id }) => id), first.next]).toEqual([
    ['b', 'c'],
    [0, 'c'],
  ]);
  const last = pageOfRows(books, ALL, { after: first.next, limit: 2 });
  expect([last.rows.map(({ id }) => id), last.next]).toEqual([['a'], undefined]);
});

test('a cursor stays good when its row is gone and others have come', () => {
  for (const id of ['a', 'b', 'c']) books.put({ id, year: 1 });
  const { next } = pageOfRows(books, ALL, { after: undefined, limit: 2 });
  books.remove('b');
  books.put({ id: 'aa', year: 1 });
  books.put({ id: 'bb', year: 1 });
  const { rows } = pageOfRows(books, ALL, { after: next, limit: 2 });
  expect(rows.map(({ id }) => id)).toEqual(['bb', 'c']);
});

test('a cursor from elsewhere gives no rows outside of what is listed', () => {
  books.put({ id: 'a', year: 1 });
  books.put({ id: 'b', year: 2 });
  const ofYear = { index: 'by_year', prefix: [1] };
  expect(pageOfRows(books, ofYear, { after: [1, 'a'], limit: 9 }).rows).toEqual([]);
  expect(pageOfRows(books, ofYear, { after: [1], limit: 9 }).rows).toHaveLength(1);
});

test(`I8: a page holds at most ${PAGE_ROWS_MAX} rows, whatever is asked for`, () => {
  for (let place = 0; place <= PAGE_ROWS_MAX; place++) books.put({ id: `b${place}`, year: 1 });
  const page = pageOfRows(books, ALL, { after: undefined, limit: 1_000_000 });
  expect(page.rows).toHaveLength(PAGE_ROWS_MAX);
  expect(page.next).toBeDefined();
});

test('lanes of an index are listed as one, in the order of what follows their names', () => {
  const shelved = new Table<Book & { readonly shelf: string }>(
    {
      name: 'shelved',
      key: (row) => row.id,
      columns: ['id', 'year', 'shelf'],
      indexes: { by_shelf: (row) => [[row.shelf, row.year]] },
    },
    () => {},
  );
  const shelves = ['north', 'south', 'west'];
  for (let place = 0; place < 30; place++)
    shelved.put({ id: `b${place}`, year: (place * 7) % 10, shelf: shelves[place % 3]! });
  const wanted = { index: 'by_shelf', lanes: ['south', 'north'], prefix: [] };
  const expected = [...shelved.rows()]
    .filter(({ shelf }) => shelf !== 'west')
    .sort((one, other) => one.year - other.year || (one.id < other.id ? -1 : 1));
  const listed: Book[] = [];
  let after: Page<Book>['next'];
  do {
    const { rows, next } = pageOfRows(shelved, wanted, { after, limit: 7 });
    listed.push(...rows);
    after = next;
  } while (after !== undefined);
  expect(listed).toEqual(expected);
  const ofYear = pageOfRows(shelved, { ...wanted, prefix: [4] }, { after: undefined, limit: 9 });
  expect(ofYear.rows).toEqual(expected.filter(({ year }) => year === 4));
});
