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

/** Entries are dropped in strides, so that dropping costs O(1) per entry. */
const STRIDE = 1024;

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
class Columns {
  readonly indices: number[] = [];
  readonly ends: number[] = [];
  readonly bytes: number[] = [];
  readonly tables: Table<unknown>[] = [];
  readonly keys: string[] = [];
  readonly befores: unknown[] = [];
  /** Changes cut off so far: ends go on counting from the first change there ever was. */
  #cut = 0;

  push(index: number, bytes: number, changes: readonly Change[]): void {
    for (const { table, key, before } of changes) {
      this.tables.push(table);
      this.keys.push(key);
      this.befores.push(before);
    }
    this.indices.push(index);
    this.bytes.push(bytes);
    this.ends.push(this.#cut + this.keys.length);
  }

  /** Where the changes of an entry begin. */
  #start(entry: number): number {
    return entry === 0 ? 0 : this.#end(entry - 1);
  }

  #end(entry: number): number {
    return (this.ends[entry] as number) - this.#cut;
  }

  changesOf(entry: number): readonly Replaced[] {
    const changes: Replaced[] = [];
    for (let at = this.#start(entry); at < this.#end(entry); at++)
      changes.push({
        table: this.tables[at] as Table<unknown>,
        key: this.keys[at] as string,
        before: this.befores[at],
      });
    return changes;
  }

  /** Lets go of the rows of an entry that is given up; its place goes with its stride. */
  forget(entry: number): void {
    this.befores.fill(undefined, this.#start(entry), this.#end(entry));
  }

  /** Gives up the places of the first entries. */
  cut(entries: number): void {
    const changes = this.#start(entries);
    for (const column of [this.tables, this.keys, this.befores]) column.splice(0, changes);
    for (const column of [this.indices, this.bytes, this.ends]) column.splice(0, entries);
    this.#cut += changes;
  }
}

export class UndoRing {
  readonly #limits: UndoLimits;
  #kept = new Columns();
  /** How many of the first of #kept are already given up. */
  #dropped = 0;
  #bytes = 0;
  #open: Change[] = [];
  /** Entries below it are not kept. */
  #from = 0;

  constructor(limits: UndoLimits = UNDO_LIMITS) {
    this.#limits = limits;
    if (limits.entries === 0) this.#from = Number.POSITIVE_INFINITY;
  }

  /** The lowest index whose state can still be viewed: the index before the oldest kept entry. */
  get floor(): number | undefined {
    const oldest = this.#kept.indices[this.#dropped];
    return oldest === undefined ? undefined : oldest - 1;
  }

  get size(): number {
    return this.#kept.indices.length - this.#dropped;
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
    this.#kept.push(index, bytes, changes);
    this.#bytes += bytes;
    this.#trim();
    return changes;
  }

  /** The changes of kept entries above `index`, newest first. */
  *above(index: number): Generator<Changes> {
    for (let entry = this.#kept.indices.length - 1; entry >= this.#dropped; entry--) {
      const at = this.#kept.indices[entry] as number;
      if (at <= index) return;
      yield { index: at, changes: this.#kept.changesOf(entry) };
    }
  }

  /** Forgets everything: the tables were replaced as a whole. */
  clear(): void {
    this.#kept = new Columns();
    this.#dropped = 0;
    this.#bytes = 0;
    this.#open = [];
  }

  #trim(): void {
    while (this.size > this.#limits.entries || this.#bytes > this.#limits.bytes) {
      this.#bytes -= this.#kept.bytes[this.#dropped] as number;
      this.#kept.forget(this.#dropped);
      this.#dropped += 1;
    }
    if (this.#dropped < STRIDE) return;
    this.#kept.cut(this.#dropped);
    this.#dropped = 0;
  }
}
