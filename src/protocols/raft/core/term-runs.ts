/**
 * The term of every entry of the log, in the memory of a few numbers: terms only grow along a log, so it
 * is enough to know where each one begins.
 *
 * ```
 *  index  1 2 3 4 5 6 7 8
 *  term   1 1 1 3 3 3 3 4     runs: (1 from 1) (3 from 4) (4 from 8)
 * ```
 *
 * Bounded by the elections between two compactions.
 */
import type { Place } from './entry.ts';

export class TermRuns {
  #runs: Place[];

  constructor(runs: readonly Place[]) {
    this.#runs = [...runs];
  }

  /** @returns the term of an entry the log has; 0 below the first run */
  termAt(index: number): number {
    return this.#runs[this.#runAt(index)]?.term ?? 0;
  }

  append(term: number, index: number): void {
    if (this.#runs.at(-1)?.term !== term) this.#runs.push({ term, index });
  }

  truncate(from: number): void {
    this.#runs.length = this.#runAt(from - 1) + 1;
  }

  /** Forgets runs that end at or before the floor. */
  compact(floor: number): void {
    const first = Math.max(this.#runAt(floor + 1), 0);
    if (first > 0) this.#runs = this.#runs.slice(first);
  }

  replace(): void {
    this.#runs = [];
  }

  /** @returns the newest index up to `index` whose term is not above `term`; below the first run at worst */
  newestAtMost(term: number, index: number): number {
    let at = this.#runAt(index);
    let newest = index;
    for (let run = this.#runs[at]; run !== undefined && run.term > term; run = this.#runs[at]) {
      newest = run.index - 1;
      at -= 1;
    }
    return newest;
  }

  /** The last run that begins at or before an index; -1: none. Most questions are about the newest. */
  #runAt(index: number): number {
    return this.#runs.findLastIndex((run) => run.index <= index);
  }
}
