/**
 * A block of a LevelDB table (doc/table_format.md of LevelDB, `table/format.cc`, `table/block_builder.cc`).
 *
 * ```
 *  sealed   [contents][1: 0 plain, 1 Snappy][4: masked crc32c of contents and type, little-endian]
 *                     └────────── trailer ──────────────────────────────────────────────────────┘
 *  contents [entry]… [4: place of a restart]… [4: number of restarts]                little-endian
 *  entry    [varint shared][varint rest][varint bytes of value][rest of key][value]
 *           shared: how much of the key before it the key begins with; nothing at a restart
 * ```
 */
import { castagnoli, masked } from './leveldb-checksum.ts';
import { Cursor } from './leveldb-cursor.ts';
import { uncompressed } from './leveldb-snappy.ts';

export const TRAILER_BYTES = 5;
export const PLAIN = 0;
export const SNAPPY = 1;
const COUNT_BYTES = 4;

export interface BlockEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Whether a block has the sum it was written with. */
export function holds(sealed: Buffer): boolean {
  const typed = sealed.length - TRAILER_BYTES + 1;
  return masked(castagnoli(sealed.subarray(0, typed))) === sealed.readUInt32LE(typed);
}

/** The entries of a block; none where they are not what LevelDB writes. */
export function entriesIn(sealed: Buffer): readonly BlockEntry[] | undefined {
  const contents = sealed.subarray(0, sealed.length - TRAILER_BYTES);
  const plain = sealed[contents.length] === SNAPPY ? uncompressed(contents) : contents;
  return plain && plainEntries(plain);
}

/** A block of entries in the order of their keys, with a restart at each. */
export function blockOf(entries: readonly BlockEntry[]): Buffer {
  const parts = entries.map(({ key, value }) =>
    Buffer.concat([Buffer.of(0), varint(key.length), varint(value.length), key, value]),
  );
  return sealedPlain(Buffer.concat([...parts, restartsOf(parts)]));
}

/** As LevelDB's numbers are written (`leveldb-cursor.ts`). */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

function plainEntries(contents: Buffer): readonly BlockEntry[] | undefined {
  const end = endOfEntries(contents);
  return end < 0 ? undefined : everyEntry(new Cursor(contents.subarray(0, end)));
}

function everyEntry(cursor: Cursor): readonly BlockEntry[] | undefined {
  const entries: BlockEntry[] = [];
  for (let before: Buffer = Buffer.alloc(0); cursor.hasMore;) {
    const entry = nextEntry(cursor, before);
    if (entry === undefined) return undefined;
    entries.push(entry);
    before = entry.key;
  }
  return entries;
}

/** Where the restarts begin; below zero where there is no room for as many as there should be. */
function endOfEntries(contents: Buffer): number {
  const counted = contents.length - COUNT_BYTES;
  if (counted < 0) return counted;
  return counted - contents.readUInt32LE(counted) * COUNT_BYTES;
}

function nextEntry(cursor: Cursor, before: Buffer): BlockEntry | undefined {
  const [shared, rest, length] = [cursor.number(), cursor.number(), cursor.number()];
  if (shared > before.length) return undefined;
  const key = Buffer.concat([before.subarray(0, shared), cursor.take(rest)]);
  const value = cursor.take(length);
  return cursor.isBeyond ? undefined : { key, value };
}

/** An empty block has one restart too. */
function restartsOf(parts: readonly Buffer[]): Buffer {
  const places = parts.length === 0 ? [0] : [];
  let place = 0;
  for (const part of parts) {
    places.push(place);
    place += part.length;
  }
  const restarts = Buffer.alloc((places.length + 1) * COUNT_BYTES);
  for (const [at, number] of [...places, places.length].entries())
    restarts.writeUInt32LE(number, at * COUNT_BYTES);
  return restarts;
}

function sealedPlain(contents: Buffer): Buffer {
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt8(PLAIN);
  trailer.writeUInt32LE(masked(castagnoli(trailer.subarray(0, 1), castagnoli(contents))), 1);
  return Buffer.concat([contents, trailer]);
}
