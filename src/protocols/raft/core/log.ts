/**
 * The log as its core sees it: the place of every entry, and the newest entries themselves.
 *
 * ```
 *   compacted │ on the disk only │ in memory                         │ beyond
 *             floor              inMemoryFrom    applied     commit   last
 *                                └─ a cache ───┘└─ never leaves ────┘
 * ```
 *
 * Beside each entry in memory stands what all up to it weigh: the bytes of any stretch are one
 * subtraction, and no counter can leak. What is on the disk is `disk.ts`.
 */
import { invariant } from './bug.ts';
import type { Entry, Place } from './entry.ts';
import { TermRuns } from './term-runs.ts';

/** What is kept is cut when it is over its bound by a quarter of that, so that cutting a long cache is rare. */
const CACHE_SLACK = 1.25;

export interface Stretch {
  readonly entries: number;
  readonly bytes: number;
}

export class RaftLog {
  #floor: Place;
  #last: Place;
  readonly #runs: TermRuns;
  #entries: Entry[] = [];
  /** Bytes of all entries up to the one at the same place; `#base` is what came before. */
  #weights: number[] = [];
  #base = 0;
  #first: number;

  constructor(floor: Place, last: Place, terms: readonly Place[]) {
    invariant(floor.index <= last.index, 'the log ends before its floor');
    this.#floor = floor;
    this.#last = last;
    this.#first = last.index + 1;
    this.#runs = new TermRuns(terms);
  }

  /** Compacted up to here: the place of the snapshot the log goes on from. */
  get floor(): Place {
    return this.#floor;
  }

  get last(): Place {
    return this.#last;
  }

  /** Entries below are on the disk only. */
  get inMemoryFrom(): number {
    return this.#first;
  }

  /** Unknown terms are words, so that no arithmetic mistakes a missing entry for one of term 0. */
  termOf(index: number): number | 'compacted' | 'beyond' {
    if (index > this.#last.index) return 'beyond';
    if (index < this.#floor.index) return 'compacted';
    return index === this.#floor.index ? this.#floor.term : this.#runs.termAt(index);
  }

  entry(index: number): Entry | undefined {
    return this.#entries[index - this.#first];
  }

  append(entry: Entry): void {
    invariant(entry.index === this.#last.index + 1, 'an entry left a gap in the log');
    this.#weights.push(this.#weigh(this.#last.index) + entry.frame.length);
    this.#entries.push(entry);
    this.#runs.append(entry.term, entry.index);
    this.#last = entry;
  }

  /** Takes back everything from an index on. */
  truncate(from: number): void {
    invariant(from > this.#floor.index, 'compacted entries cannot be taken back');
    const kept = Math.max(from - this.#first, 0);
    this.#entries.length = Math.min(this.#entries.length, kept);
    this.#weights.length = this.#entries.length;
    this.#first = Math.min(this.#first, from);
    this.#last = this.placeOf(from - 1);
    this.#runs.truncate(from);
  }

  /** A snapshot takes the place of everything. */
  replace({ term, index }: Place): void {
    this.#forgetTo(this.#last.index);
    this.#floor = { term, index };
    this.#last = this.#floor;
    this.#first = index + 1;
    this.#runs.replace();
  }

  /** The disk no longer has what is up to the floor; neither has memory. */
  compact({ term, index }: Place): void {
    if (index <= this.#floor.index) return;
    invariant(this.termOf(index) === term, 'the floor is not a place of this log');
    this.#forgetTo(index);
    this.#floor = { term, index };
    this.#runs.compact(index);
  }

  /** Lets the oldest entries up to `index` leave memory, when they weigh more than the cache may. */
  trim(index: number, cacheBytes: number): void {
    if (this.bytesBetween(this.#first - 1, index) <= cacheBytes * CACHE_SLACK) return;
    const enough = this.#weigh(index) - cacheBytes;
    this.#forgetTo(this.#first - 1 + this.#countWithin(this.#first, enough));
  }

  /** @returns entries from an index in memory on: within the bounds, but at least one */
  slice(from: number, most: Stretch): Entry[] {
    const start = from - this.#first;
    const within = this.#countWithin(from, this.#weigh(from - 1) + most.bytes);
    const count = Math.max(1, Math.min(within, most.entries));
    return this.#entries.slice(start, start + count);
  }

  /** @returns all entries above an index; they are in memory */
  after(index: number): Entry[] {
    return this.#entries.slice(index + 1 - this.#first);
  }

  /** What entries in memory above `after`, up to `to`, weigh. */
  bytesBetween(after: number, to: number): number {
    return this.#weigh(to) - this.#weigh(after);
  }

  /** @returns the newest place up to `index` whose term is not above `term`, or the floor */
  newestAtMost({ term, index }: Place): Place {
    const from = Math.min(index, this.#last.index);
    const newest = Math.max(this.#runs.newestAtMost(term, from), this.#floor.index);
    return this.placeOf(newest);
  }

  /** Of an entry that is there. */
  placeOf(index: number): Place {
    const term = this.termOf(index);
    invariant(typeof term === 'number', 'the log has no such place');
    return { term, index };
  }

  #weigh(index: number): number {
    if (index < this.#first) return this.#base;
    return this.#weights[index - this.#first] ?? this.#base;
  }

  /** How many entries from `from` on keep the running total within `total`: found by halving. */
  #countWithin(from: number, total: number): number {
    let low = from - this.#first;
    const start = low;
    let high = this.#weights.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#weights[middle] ?? 0) <= total) low = middle + 1;
      else high = middle;
    }
    return low - start;
  }

  #forgetTo(index: number): void {
    const count = Math.min(index - this.#first + 1, this.#entries.length);
    if (count <= 0) return;
    this.#base = this.#weights[count - 1] ?? this.#base;
    // In place: new arrays would have to grow again with the next entry.
    this.#entries.splice(0, count);
    this.#weights.splice(0, count);
    this.#first += count;
  }
}
