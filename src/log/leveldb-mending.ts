/**
 * Mending: a table that LevelDB can read without harm, made of one that is rotten. What is whole stays
 * where it is; a new index leads to it and to nothing else, without filters. LevelDB reads a table by the
 * length the manifest knows, `repair` of LevelDB by the length of the file: so the footer stands at both ends.
 *
 * ```
 *  ├ what was there, whole or not … ┤ footer ┤ index ┤ meta index ┤ footer ┤
 *                                            ▲
 *                            length by the manifest
 * ```
 *
 * Only for a clone of a store: the original is evidence.
 */
import {
  type BlockEntry,
  blockOf,
  entriesIn,
  PLAIN,
  SNAPPY,
  TRAILER_BYTES,
} from './leveldb-block.ts';
import { castagnoli, masked } from './leveldb-checksum.ts';
import {
  dataFlaws,
  FOOTER_BYTES,
  footerBytes,
  handleBytes,
  type IndexedBlock,
  readFrame,
} from './leveldb-table.ts';

/** @param size the length the manifest knows */
export async function mended(bytes: Buffer, size: number): Promise<Buffer> {
  const table = { size, read: readerOf(bytes) };
  const { blocks } = await readFrame(table);
  const listed = blocks ?? [...foundBlocks(bytes)];
  const whole = listed.filter((block) => dataFlaws(bytes, block).length === 0);
  return withIndex(bytes, size, whole);
}

/** Reads from bytes as from a file that has them. */
export function readerOf(bytes: Buffer): (offset: number, length: number) => Promise<Buffer> {
  return (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length));
}

function withIndex(bytes: Buffer, size: number, blocks: readonly IndexedBlock[]): Buffer {
  const before = Math.max(0, size - FOOTER_BYTES);
  const index = blockOf(blocks.map(indexEntry));
  const meta = blockOf([]);
  const at = before + FOOTER_BYTES;
  const footer = footerBytes({
    index: { offset: at, size: index.length - TRAILER_BYTES },
    meta: { offset: at + index.length, size: meta.length - TRAILER_BYTES },
  });
  const old = Buffer.alloc(before);
  bytes.copy(old);
  return Buffer.concat([old, footer, index, meta, footer]);
}

function indexEntry({ lastKey, handle }: IndexedBlock): BlockEntry {
  return { key: lastKey, value: handleBytes(handle) };
}

/**
 * The data blocks at the beginning of a table whose index is lost: the sum of a block tells where it ends.
 * They are in order, so what does not go on in order is no data block any more.
 */
function* foundBlocks(bytes: Buffer): Generator<IndexedBlock> {
  let before: Buffer = Buffer.alloc(0);
  let block = blockAt(bytes, 0);
  while (block !== undefined && isAfter(before, block.lastKey)) {
    yield block;
    before = block.lastKey;
    block = blockAt(bytes, block.handle.offset + block.handle.size + TRAILER_BYTES);
  }
}

/** A key of LevelDB ends in eight bytes: 0 for a removal or 1 for a value, and the number of the change. */
const CHANGE_BYTES = 8;
const CHANGES: ReadonlySet<number | undefined> = new Set([0, 1]);

function isAfter(before: Buffer, key: Buffer): boolean {
  const end = key.length - CHANGE_BYTES;
  // Changes of one key stand newest first, so the same key may go on in the next block.
  const follows = nameOf(before).compare(nameOf(key)) <= 0;
  return follows && CHANGES.has(key[end]);
}

function nameOf(key: Buffer): Buffer {
  return key.subarray(0, Math.max(0, key.length - CHANGE_BYTES));
}

function blockAt(bytes: Buffer, offset: number): IndexedBlock | undefined {
  const size = sizeAt(bytes, offset);
  if (size === undefined) return undefined;
  const last = entriesIn(bytes.subarray(offset, offset + size + TRAILER_BYTES))?.at(-1);
  return last && { lastKey: last.key, handle: { offset, size } };
}

const TYPES: ReadonlySet<number | undefined> = new Set([PLAIN, SNAPPY]);

/** The first length at which the sum holds. */
function sizeAt(bytes: Buffer, offset: number): number | undefined {
  let sum = 0;
  for (let end = offset; end + TRAILER_BYTES <= bytes.length; end += 1) {
    const next = castagnoli(bytes.subarray(end, end + 1), sum);
    if (isEnd(bytes, end, next)) return end - offset;
    sum = next;
  }
  return undefined;
}

/** @param sum of the contents and what would be their type */
function isEnd(bytes: Buffer, end: number, sum: number): boolean {
  return TYPES.has(bytes[end]) && masked(sum) === bytes.readUInt32LE(end + 1);
}
