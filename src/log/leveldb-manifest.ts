/**
 * LevelDB's manifest: which tables the store is made of, and which `.log` file holds what is not in them
 * yet. LevelDB itself opens without that file, and without what is in it.
 *
 * A manifest is a log of edits (`leveldb-records.ts`), an edit a row of fields (`version_edit.cc` of LevelDB):
 *
 * ```
 *  tag   1 comparator   b            n  varint (`leveldb-cursor.ts`)
 *        2 log number   n            b  length as varint, then so many bytes
 *        3 next file    n
 *        4 last change  n            5 compaction pointer   n b          level, key
 *        9 previous log n            6 table removed        n n          level, number
 *                                    7 table added          n n n b b    level, number, bytes, first and last key
 * ```
 */
import { Cursor } from './leveldb-cursor.ts';
import { payloadsIn } from './leveldb-records.ts';

const LOG_NUMBER = 2;
const TABLE_REMOVED = 6;
const TABLE_ADDED = 7;
type Part = 'n' | 'b';
const SHAPES: Readonly<Record<number, readonly Part[]>> = {
  1: ['b'],
  [LOG_NUMBER]: ['n'],
  3: ['n'],
  4: ['n'],
  5: ['n', 'b'],
  [TABLE_REMOVED]: ['n', 'n'],
  [TABLE_ADDED]: ['n', 'n', 'n', 'b', 'b'],
  9: ['n'],
};
/** As LevelDB names them. */
const NAME_DIGITS = 6;

/** A table file that belongs to the store; those that no manifest names are left over, and nobody reads them. */
export interface LiveTable {
  readonly number: number;
  readonly bytes: number;
}

/** What a manifest counts on. */
export interface Contents {
  /** The oldest `.log` file; 0 where the store was never opened to its end. */
  log: number;
  readonly tables: Map<number, LiveTable>;
}

/** Reads a whole manifest, up to the first edit with a field we do not know. */
export function contentsOf(manifest: Buffer): Contents {
  const contents: Contents = { log: 0, tables: new Map() };
  for (const edit of payloadsIn(manifest)) applyEdit(edit, contents);
  return contents;
}

/** The name of the oldest `.log` file a whole manifest counts on, if it counts on any. */
export function logNamedIn(manifest: Buffer): string | undefined {
  const { log } = contentsOf(manifest);
  return log === 0 ? undefined : `${fileNumber(log)}.log`;
}

/** How a number is written in the name of a file. */
export function fileNumber(number: number): string {
  return String(number).padStart(NAME_DIGITS, '0');
}

function applyEdit(edit: Buffer, contents: Contents): void {
  const fields = new Cursor(edit);
  while (fields.hasMore) {
    const tag = fields.number();
    const values = valuesOf(fields, SHAPES[tag]);
    EFFECTS[tag]?.(contents, values);
  }
}

type Effect = (contents: Contents, values: readonly number[]) => void;

const EFFECTS: Readonly<Record<number, Effect>> = {
  [LOG_NUMBER]: (contents, [log = 0]) => {
    contents.log = log;
  },
  [TABLE_REMOVED]: ({ tables }, [, number = 0]) => {
    tables.delete(number);
  },
  [TABLE_ADDED]: ({ tables }, [, number = 0, bytes = 0]) => {
    tables.set(number, { number, bytes });
  },
};

/** The numbers of a field, and the lengths of its bytes; after an unknown field, everything is passed over. */
function valuesOf(fields: Cursor, shape: readonly Part[] | undefined): readonly number[] {
  if (shape === undefined) fields.finish();
  return (shape ?? []).map((part) => (part === 'n' ? fields.number() : fields.skip()));
}
