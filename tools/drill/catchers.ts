/**
 * What noticed each mutation when all were drilled: what a build tries again instead of searching. The record
 * lies beside this file and is written by `npm run drill -- --record`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MUTATIONS } from './mutations.ts';

/** A seed is one of cores or of whole nodes, as the mutation is. */
export type Catcher =
  | { readonly scenario: string }
  | { readonly seed: number }
  /** Of a file that fails as a whole, no name of a test. */
  | { readonly test: string; readonly name?: string };

/** By the names of mutations. */
export type Catchers = ReadonlyMap<string, Catcher>;

const RECORD = join(import.meta.dirname, 'catchers.json');

export function recorded(): Catchers {
  const record = JSON.parse(readFileSync(RECORD, 'utf8')) as Readonly<Record<string, Catcher>>;
  return new Map(Object.entries(record));
}

/** Puts what was found beside what is known of others, and forgets mutations that are no more. */
export function record(found: Catchers): void {
  const known = recorded();
  const lines = MUTATIONS.flatMap(({ name }) => {
    const catcher = found.get(name) ?? known.get(name);
    return catcher === undefined ? [] : [[name, catcher] as const];
  });
  writeFileSync(RECORD, `${JSON.stringify(Object.fromEntries(lines), undefined, 2)}\n`);
}
