/**
 * Proposals of this core whose fate is open, in the order in which they were appended: terms only grow,
 * and within a term indexes only grow.
 *
 * What was replaced in this log may still be on a disk that outvotes it (Raft, figure 8), so a truncation
 * decides nothing. A commit does: once the place (term, index) is committed, what waits below it is in the
 * log or never will be, and what waits with an older term can follow it no more.
 */
import type { Place } from './entry.ts';
import type { Settled } from './input.ts';

type Fate = (id: number, place: Place) => Settled;

/** Settled heads are cut off together. */
const CUT_AT = 4096;

export class Waiting {
  #ids: number[] = [];
  #terms: number[] = [];
  #indexes: number[] = [];
  #head = 0;

  add(id: number, { term, index }: Place): void {
    this.#ids.push(id);
    this.#terms.push(term);
    this.#indexes.push(index);
  }

  /** @param settle what became of each that a commit up to here decides */
  committed(upTo: Place, settle: Fate): readonly Settled[] {
    const settled: Settled[] = [];
    while (this.#isDecided(upTo)) settled.push(this.#next(settle));
    this.#cut();
    return settled;
  }

  /** Nothing will be heard of them here any more. */
  abandon(): readonly Settled[] {
    const ids = this.#ids.slice(this.#head);
    this.#head = this.#ids.length;
    this.#cut();
    return ids.map((id) => ({ kind: 'unknown', id }));
  }

  #isDecided({ term, index }: Place): boolean {
    const waitingTerm = this.#terms[this.#head];
    if (waitingTerm === undefined) return false;
    return waitingTerm < term || (this.#indexes[this.#head] ?? 0) <= index;
  }

  #next(settle: Fate): Settled {
    const at = this.#head;
    this.#head += 1;
    const place = { term: this.#terms[at] ?? 0, index: this.#indexes[at] ?? 0 };
    return settle(this.#ids[at] ?? 0, place);
  }

  #cut(): void {
    if (this.#head === 0 || this.#head < Math.min(CUT_AT, this.#ids.length)) return;
    this.#ids = this.#ids.slice(this.#head);
    this.#terms = this.#terms.slice(this.#head);
    this.#indexes = this.#indexes.slice(this.#head);
    this.#head = 0;
  }
}
