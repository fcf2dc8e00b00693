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
 * index. Bounded by entries and by what their replaced rows weigh in memory; at the bound the oldest
 * entry's records go, and views below it need a snapshot.
 */
import type { Table } from './table.ts';

export interface Change {
  readonly table: Table<unknown>;
  readonly key: string;
  /** As the table kept it (`Table.read`). */
  readonly before: unknown;
  readonly after: unknown;
}

/** A row as it was before an entry. */
export type Replaced = Omit<Change, 'after'>;

/** What one entry replaced, in the order in which it did. */
export interface Changes {
  readonly index: number;
  readonly changes: readonly Replaced[];
}

export interface UndoLimits {
  readonly entries: number;
  readonly bytes: number;
}

export const UNDO_LIMITS: UndoLimits = { entries: 50_000, bytes: 8 * 1024 * 1024 };

/** The places of an entry, and of one of its changes, in the columns below. */
const ENTRY_BYTES = 24;
const CHANGE_BYTES = 24;
/** An object, and one of its columns with the number or text it refers to, as measured. */
const ROW_BYTES = 24;
const COLUMN_BYTES = 11;

/** What the replaced rows of an entry weigh in memory, roughly: what they share with others counts too. */
export function weightOf(changes: readonly Change[]): number {
  let bytes = ENTRY_BYTES;
  for (const { table, before } of changes) bytes += CHANGE_BYTES + rowBytes(table, before);
  return bytes;
}

function rowBytes({ definition }: Table<unknown>, before: unknown): number {
  if (before === undefined) return 0;
  if (typeof before === 'string') return ROW_BYTES + before.length;
  return ROW_BYTES + COLUMN_BYTES * definition.columns.length;
}

/** Entries of a stretch: it is let go of as a whole, so that dropping costs O(1) per entry. */
const STRETCH_ENTRIES = 1024;

/**
 * Kept changes lie in columns, entry after entry: an object for each would be most of what the ring
 * weighs, and the collector would carry all of them.
 *
 * ```
 *  entries   index  17        18   19
 *            end     2         2    3        where its changes end in the columns below
 *            bytes 480       200  260
 *  changes   table  work queues    work      key, before: likewise
 * ```
 */
class Stretch {
  readonly #indices: number[] = [];
  readonly #ends: number[] = [];
  readonly #bytes: number[] = [];
  readonly #tables: Table<unknown>[] = [];
  readonly #keys: string[] = [];
  readonly #befores: unknown[] = [];
  /** How many of the first entries are given up. */
  #dropped = 0;

  get size(): number {
    return this.#indices.length - this.#dropped;
  }

  get isFull(): boolean {
    return this.#indices.length >= STRETCH_ENTRIES;
  }

  get oldest(): number | undefined {
    return this.#indices[this.#dropped];
  }

  push(index: number, bytes: number, changes: readonly Change[]): void {
    for (const { table, key, before } of changes) {
      this.#tables.push(table);
      this.#keys.push(key);
      this.#befores.push(before);
    }
    this.#indices.push(index);
    this.#bytes.push(bytes);
    this.#ends.push(this.#keys.length);
  }

  /** Gives up the oldest entry, and lets go of its rows. @returns what they weighed */
  drop(): number {
    const entry = this.#dropped;
    // One by one: most entries have one change, and `fill` is a call out of the optimized code.
    const end = this.#ends[entry] as number;
    for (let at = this.#start(entry); at < end; at++) this.#befores[at] = undefined;
    this.#dropped += 1;
    return this.#bytes[entry] as number;
  }

  /** The changes of kept entries above `index`, newest first. */
  *above(index: number): Generator<Changes> {
    for (let entry = this.#indices.length - 1; entry >= this.#dropped; entry--) {
      const at = this.#indices[entry] as number;
      if (at <= index) return;
      yield { index: at, changes: this.#changesOf(entry) };
    }
  }

  /** Where the changes of an entry begin. */
  #start(entry: number): number {
    return entry === 0 ? 0 : (this.#ends[entry - 1] as number);
  }

  #changesOf(entry: number): readonly Replaced[] {
    const changes: Replaced[] = [];
    for (let at = this.#start(entry); at < (this.#ends[entry] as number); at++)
      changes.push({
        table: this.#tables[at] as Table<unknown>,
        key: this.#keys[at] as string,
        before: this.#befores[at],
      });
    return changes;
  }
}

export class UndoRing {
  readonly #limits: UndoLimits;
  /** Oldest first; none but the newest is empty. */
  #stretches: Stretch[] = [];
  #newest = new Stretch();
  #size = 0;
  #bytes = 0;
  #open: Change[] = [];
  /** Entries below it are not kept. */
  #from = 0;

  constructor(limits: UndoLimits = UNDO_LIMITS) {
    this.#limits = limits;
    if (limits.entries === 0) this.#from = Number.POSITIVE_INFINITY;
    this.clear();
  }

  /** The lowest index whose state can still be viewed: the index before the oldest kept entry. */
  get floor(): number | undefined {
    const oldest = this.#stretches[0]?.oldest;
    return oldest === undefined ? undefined : oldest - 1;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * What comes is a replay up to `index`: entries are kept from where the ring will then begin. Those
   * before would be given up again on the way, and are never kept.
   */
  replayTo(index: number): void {
    this.#from = Math.max(this.#from, index - this.#limits.entries + 1);
  }

  /** Whether what an entry changes is kept: else it is given up when the entry is closed. */
  keeps(index: number): boolean {
    return index >= this.#from;
  }

  /** What the entry being applied has changed so far. */
  get open(): readonly Change[] {
    return this.#open;
  }

  /** Notes a change of the entry being applied. */
  record(change: Change): void {
    // Most entries change one row: an array that is pushed to makes room for seventeen.
    if (this.#open.length === 0) this.#open = [change];
    else this.#open.push(change);
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
    if (!this.keeps(index)) return changes;
    if (this.#newest.isFull) this.#begin();
    this.#newest.push(index, bytes, changes);
    this.#size += 1;
    this.#bytes += bytes;
    this.#trim();
    return changes;
  }

  /** The changes of kept entries above `index`, newest first. */
  *above(index: number): Generator<Changes> {
    for (const stretch of this.#stretches.toReversed()) yield* stretch.above(index);
  }

  /** Forgets everything: the tables were replaced as a whole. */
  clear(): void {
    this.#stretches = [];
    this.#begin();
    this.#size = 0;
    this.#bytes = 0;
    this.#open = [];
  }

  #begin(): void {
    this.#newest = new Stretch();
    this.#stretches = [...this.#stretches.filter(({ size }) => size > 0), this.#newest];
  }

  #trim(): void {
    while (this.#size > this.#limits.entries || this.#bytes > this.#limits.bytes) this.#drop();
  }

  #drop(): void {
    const oldest = this.#stretches[0] as Stretch;
    this.#bytes -= oldest.drop();
    this.#size -= 1;
    if (oldest.size === 0 && oldest !== this.#newest) this.#stretches.shift();
  }
}
