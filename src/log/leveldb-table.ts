/**
 * LevelDB's tables, its `.ldb` files (doc/table_format.md of LevelDB, `table/format.cc`): blocks
 * (`leveldb-block.ts`) one after the other, found through an index that the end of the file leads to.
 *
 * ```
 *  ├ data block ┤ … ├ data block ┤ filter ┤ meta index ┤ index ┤ footer: 48 ┤
 *
 *  footer   [handle of meta index][handle of index][zeros]  [8: 57 fb 80 8b 24 75 47 db] at 40
 *  handle   [varint offset][varint size]                    size without the trailer
 *
 *  index       last key of a data block, or one between it and the next  ▶  handle of the block
 *  meta index  name of a filter                                          ▶  handle of its block
 * ```
 *
 * LevelDB as it is opened here looks at none of the sums when it reads: what is rotten in an index, a key
 * or a length ends the process by an assertion, at once or in a compaction days later. So they are looked
 * at before LevelDB is.
 */
import { type BlockEntry, entriesIn, holds, TRAILER_BYTES, varint } from './leveldb-block.ts';
import { Cursor } from './leveldb-cursor.ts';

export const FOOTER_BYTES = 48;
const MAGIC = Buffer.from('57fb808b247547db', 'hex');

/** Where a block lies. */
export interface BlockHandle {
  readonly offset: number;
  /** Without its trailer. */
  readonly size: number;
}

/** An entry of an index. */
export interface IndexedBlock {
  readonly lastKey: Buffer;
  readonly handle: BlockHandle;
}

export interface TableFlaw {
  /** Where the block begins that is flawed, or the footer. */
  readonly offset: number;
  readonly reason: string;
}

/** What leads to the data of a table: footer, index, meta index and filters. */
export interface TableFrame {
  readonly flaws: readonly TableFlaw[];
  /** Undefined where the index cannot be read. */
  readonly blocks: readonly IndexedBlock[] | undefined;
}

/** A table whose bytes can be read; fewer are given where the file ends. */
export interface TableBytes {
  readonly size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** Looks at everything but the data. Never throws on bad bytes. */
export async function readFrame(table: TableBytes): Promise<TableFrame> {
  const offset = Math.max(0, table.size - FOOTER_BYTES);
  const footer = footerIn(await table.read(offset, FOOTER_BYTES));
  if (footer === undefined)
    return { flaws: [{ offset, reason: 'the footer is not that of a table' }], blocks: undefined };
  const index = await readIndex(table, footer.index, 'the index');
  const meta = await readIndex(table, footer.meta, 'the meta index');
  const flaws = [...index.flaws, ...meta.flaws];
  for (const { handle } of meta.blocks ?? [])
    flaws.push(...flawsOf(await readSealed(table, handle), handle, 'a filter'));
  return { flaws, blocks: index.blocks };
}

/** What is wrong with one data block of a table that was read as a whole. */
export function dataFlaws(bytes: Buffer, { handle }: IndexedBlock): readonly TableFlaw[] {
  const { offset, size } = handle;
  return flawsOf(bytes.subarray(offset, offset + size + TRAILER_BYTES), handle, 'a data block');
}

export function handleBytes({ offset, size }: BlockHandle): Buffer {
  return Buffer.concat([varint(offset), varint(size)]);
}

export function footerBytes({ meta, index }: Footer): Buffer {
  const footer = Buffer.alloc(FOOTER_BYTES);
  Buffer.concat([handleBytes(meta), handleBytes(index)]).copy(footer);
  MAGIC.copy(footer, FOOTER_BYTES - MAGIC.length);
  return footer;
}

export interface Footer {
  readonly meta: BlockHandle;
  readonly index: BlockHandle;
}

function footerIn(bytes: Buffer): Footer | undefined {
  if (!bytes.subarray(FOOTER_BYTES - MAGIC.length).equals(MAGIC)) return undefined;
  const cursor = new Cursor(bytes);
  return { meta: nextHandle(cursor), index: nextHandle(cursor) };
}

function nextHandle(cursor: Cursor): BlockHandle {
  return { offset: cursor.number(), size: cursor.number() };
}

async function readIndex(
  table: TableBytes,
  handle: BlockHandle,
  what: string,
): Promise<TableFrame> {
  const sealed = await readSealed(table, handle);
  const flaws = flawsOf(sealed, handle, what);
  if (flaws.length > 0) return { flaws, blocks: undefined };
  const blocks = entriesIn(sealed)?.map(indexed);
  if (blocks !== undefined) return { flaws, blocks };
  return { flaws: [{ offset: handle.offset, reason: `${what} cannot be read` }], blocks };
}

function indexed({ key, value }: BlockEntry): IndexedBlock {
  return { lastKey: key, handle: nextHandle(new Cursor(value)) };
}

/** Nothing where the handle leads out of the file: it may ask for more than there is memory. */
async function readSealed(table: TableBytes, { offset, size }: BlockHandle): Promise<Buffer> {
  const length = size + TRAILER_BYTES;
  return offset + length > table.size ? Buffer.alloc(0) : table.read(offset, length);
}

function flawsOf(
  sealed: Buffer,
  { offset, size }: BlockHandle,
  what: string,
): readonly TableFlaw[] {
  if (sealed.length !== size + TRAILER_BYTES)
    return [{ offset, reason: `${what} does not lie in the file` }];
  return holds(sealed) ? [] : [{ offset, reason: `${what} has a bad checksum` }];
}
