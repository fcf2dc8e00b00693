/**
 * The undo ring: every replaced row of the newest entries, so that the past near the head can be had
 * back without replay.
 *
 * ```
 *   oldest ──────────────────────────────────────────────▶ head
 *   [index 17: work w1 before→after] [17: queues default …] [18: …] …
 * ```
 *
 * From it come rollback of an entry whose rule refused or threw, the change feed, and views of a recent
 * index. Bounded by entries and by bytes (estimated as the encoded commands' size, doubled for rows); at
 * the bound the oldest entry's records go, and views below it need a snapshot.
 */
import type { Table } from './table.ts';

export interface Change {
  readonly table: Table<unknown>;
  readonly key: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** What one entry changed. */
export interface Changes {
  readonly index: number;
  readonly changes: readonly Change[];
  readonly bytes: number;
}

export interface UndoLimits {
  readonly entries: number;
  readonly bytes: number;
}

export const UNDO_LIMITS: UndoLimits = { entries: 50_000, bytes: 64 * 1024 * 1024 };

/** Records are dropped in strides, so that dropping costs O(1) per entry. */
const STRIDE = 1024;
const GONE: Changes = { index: 0, changes: [], bytes: 0 };

export class UndoRing {
  readonly #limits: UndoLimits;
  #kept: Changes[] = [];
  /** How many of the first of #kept are already given up. */
  #dropped = 0;
  #bytes = 0;
  #open: Change[] = [];

  constructor(limits: UndoLimits = UNDO_LIMITS) {
    this.#limits = limits;
  }

  /** The lowest index whose state can still be viewed: the index before the oldest kept entry. */
  get floor(): number | undefined {
    const oldest = this.#kept[this.#dropped];
    return oldest === undefined ? undefined : oldest.index - 1;
  }

  get size(): number {
    return this.#kept.length - this.#dropped;
  }

  /** Notes a change of the entry being applied. */
  record(change: Change): void {
    this.#open.push(change);
  }

  /** Takes back everything the open entry changed, newest first. */
  rollback(): void {
    for (const change of this.#open.reverse()) change.table.restore(change.key, change.before);
    this.#open = [];
  }

  /** Closes the open entry. @returns what it changed */
  commit(index: number, bytes: number): readonly Change[] {
    const changes = this.#open;
    this.#open = [];
    this.#kept.push({ index, changes, bytes });
    this.#bytes += bytes;
    this.#trim();
    return changes;
  }

  /** The changes of kept entries above `index`, newest first. */
  *above(index: number): Generator<Changes> {
    for (let place = this.#kept.length - 1; place >= this.#dropped; place--) {
      const changes = this.#kept[place] as Changes;
      if (changes.index <= index) return;
      yield changes;
    }
  }

  /** Forgets everything: the tables were replaced as a whole. */
  clear(): void {
    this.#kept = [];
    this.#dropped = 0;
    this.#bytes = 0;
    this.#open = [];
  }

  #trim(): void {
    while (this.size > this.#limits.entries || this.#bytes > this.#limits.bytes) {
      this.#bytes -= (this.#kept[this.#dropped] as Changes).bytes;
      // The rows go now, the place in the array with its stride.
      this.#kept[this.#dropped] = GONE;
      this.#dropped += 1;
    }
    if (this.#dropped < STRIDE) return;
    this.#kept.splice(0, this.#dropped);
    this.#dropped = 0;
  }
}
