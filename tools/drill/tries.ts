/**
 * What an attempt is asked to try, and how it tells what came of it: a line of JSON before each thing that it
 * tries, since it may not come back from it, and one at the end.
 */
import type { Catcher } from './catchers.ts';

export interface Tries {
  readonly scenarios: 'all' | readonly string[];
  readonly seeds: readonly number[];
}

export interface Attempt {
  /** Scenarios that fail. */
  readonly scenarios: readonly string[];
  /** The first seed that fails, and the law that it breaks; undefined: none does. */
  readonly seed?: number;
  readonly law?: string;
}

export type Line = { readonly trying: Catcher } | { readonly found: Attempt };

export function say(line: Line): void {
  console.log(JSON.stringify(line));
}

export function trying(catcher: Catcher): void {
  say({ trying: catcher });
}

/** The last line that is whole says it, however the attempt ended; undefined: it said nothing. */
export function lastOf(said: string): Line | undefined {
  const last = said.split('\n').at(-2);
  return last === undefined ? undefined : (JSON.parse(last) as Line);
}

/** Seeds are counted from 1. */
export function firstSeeds(most: number): readonly number[] {
  return Array.from({ length: most }, (_, place) => place + 1);
}
