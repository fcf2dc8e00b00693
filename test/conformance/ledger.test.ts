/** The ledger of `README.md` names what is there, and names all of it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const TESTS = join(import.meta.dirname, '..');
const RAFT = join(import.meta.dirname, 'raft');
const LEDGER = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');

/** Columns of a row: where a fact is from, what it says, what shows it. */
interface Row {
  readonly section: string;
  readonly source: string;
  readonly shown: string;
}

function rowsOf(ledger: string): readonly Row[] {
  let section = '';
  const rows: Row[] = [];
  for (const line of ledger.split('\n')) {
    if (line.startsWith('## ')) section = line.slice(3);
    const [, source = '', , shown = ''] = line.split('|').map((cell) => cell.trim());
    const isHeading = source === '' || source.startsWith('---') || shown === 'shown by';
    if (line.startsWith('|') && !isHeading) rows.push({ section, source, shown });
  }
  return rows;
}

function textsIn(folder: string): readonly string[] {
  const names = readdirSync(join(RAFT, folder)).filter((name) => name.endsWith('.txt'));
  return names.map((name) => name.replace('.txt', ''));
}

const TEXTS = [...textsIn('scenarios'), ...textsIn('tables')];

/** A name in backquotes, and, after a test file, how a title in it begins. */
const REFERENCE = /`([^`]+)`(?: "([^"]+)")?/g;

interface Reference {
  readonly name: string;
  readonly title: string | undefined;
}

function referencesIn({ shown }: Row): readonly Reference[] {
  return [...shown.matchAll(REFERENCE)].map(([, name = '', title]) => ({ name, title }));
}

function faultOf({ name, title }: Reference): string | undefined {
  if (!name.endsWith('.test.ts'))
    return TEXTS.includes(name) ? undefined : `there is no scenario or table ${name}`;
  const path = join(TESTS, name);
  if (!existsSync(path)) return `there is no test ${name}`;
  const begins = title === undefined || readFileSync(path, 'utf8').includes(`test('${title}`);
  return begins ? undefined : `${name} has no test that begins with ${title}`;
}

function faultsOf(ledger: string): readonly string[] {
  const rows = rowsOf(ledger);
  const references = rows.flatMap(referencesIn);
  const wrong = references.map(faultOf).filter((fault) => fault !== undefined);
  const named = new Set(references.map(({ name }) => name));
  const unnamed = TEXTS.filter((name) => !named.has(name)).map((name) => `${name} is not named`);
  const idle = rows.filter((row) => referencesIn(row).length === 0 && !isExcused(row));
  return [...wrong, ...unnamed, ...idle.map(({ source }) => `nothing shows ${source}`)];
}

/** A reason of more than a few words. */
function isExcused({ shown }: Row): boolean {
  return /^Does not apply: (\S+ ){5,}/.test(shown);
}

test('every fact is shown by what is there, or it says why not; every scenario and table is named', () => {
  expect(faultsOf(LEDGER)).toEqual([]);
});

test('a scenario and a table have different names', () => {
  expect(new Set(TEXTS).size).toBe(TEXTS.length);
});

test('no test of others is listed twice, and none of theirs is left out', () => {
  const rows = rowsOf(LEDGER);
  const sources = rows.map(({ section, source }) => `${section}: ${source}`);
  expect(new Set(sources).size).toBe(sources.length);
  const counted = new Map<string, number>();
  for (const { section } of rows) counted.set(section, (counted.get(section) ?? 0) + 1);
  expect(counted.get('etcd/raft: interaction scenarios')).toBe(28 + 1);
  expect(counted.get('etcd/raft: data of quorums and of changes')).toBe(4 + 9 + 2);
  expect(counted.get("The paper, as etcd's tests of it")).toBe(26);
});

test('a ledger that names what is not there, leaves something out, or excuses nothing is found out', () => {
  const planted = LEDGER.replaceAll('`campaign`', '`triumph`')
    .replace('"a follower that hears nobody', '"a follower that hears everybody')
    .replace('`simulation/raft-core/raft-core.test.ts`', '`simulation/raft-core/rafts.test.ts`')
    .replace('Does not apply: there has been no version', 'Does not apply: no');
  const faults = faultsOf(planted);
  expect(faults).toContain('campaign is not named');
  expect(faults).toContain('there is no scenario or table triumph');
  expect(faults).toContain('there is no test simulation/raft-core/rafts.test.ts');
  expect(faults.join('\n')).toMatch(/has no test that begins with a follower that hears everybody/);
  expect(faultsOf('| x | y | Does not apply. |\n')).toContain('nothing shows x');
});
