/** Whoever follows a link in the pages of this project, or looks for a file they name, finds something. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name)),
];

/** Targets of links that are not addresses of other places. */
const LINK = /\]\((?!\w+:|#)([^)#\s]+)/g;
/** Files and folders that are named as code, from the root; not those with a pattern in their name. */
const NAMED = /`((?:src|test|tools|docs)\/[\w./-]+\w)`/g;

function targets(page: string): readonly string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const linked = [...text.matchAll(LINK)].map(([, path = '']) => join(dirname(page), path));
  const named = [...text.matchAll(NAMED)].map(([, path = '']) => path);
  return [...linked, ...named];
}

test.each(PAGES)('what %s links to and names is there', (page) => {
  expect(targets(page).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('pages link to and name something', () => {
  expect(PAGES.flatMap(targets).length).toBeGreaterThan(50);
});
