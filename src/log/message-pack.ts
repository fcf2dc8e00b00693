/**
 * Reads standard MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) as `packr` writes
 * it: what an audit does twice for every entry, and for little else.
 *
 * Everything a command or an outcome is made of is read here, at its place in a larger buffer and without
 * a view of its own. Short texts that were seen before are not made again: ids, names and keys repeat. All
 * else (extensions, binary, 64-bit integers, text beyond ASCII, bytes that are no MessagePack) is msgpackr's
 * to read or to refuse, from the start, so that there is one answer and it is msgpackr's.
 */
import { Unpackr } from 'msgpackr';

const msgpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

/** Where a value is read; `at` goes forward with each byte. */
interface Cursor {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;
}

type Read = (cursor: Cursor, first: number) => unknown;

/** Not an error: msgpackr reads it instead. */
const UNUSUAL = new Error('not read here');

function unusual(): never {
  throw UNUSUAL;
}

/**
 * The value that takes up all of `bytes` from `start` on.
 * @throws as msgpackr does
 */
export function unpack(bytes: Uint8Array, start = 0): unknown {
  const cursor: Cursor = { bytes: asBuffer(bytes), at: start, end: bytes.length };
  try {
    const value = read(cursor);
    return cursor.at === cursor.end ? value : unusual();
  } catch {
    return msgpackr.unpack(bytes.subarray(start));
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function read(cursor: Cursor): unknown {
  const first = cursor.bytes[cursor.at] as number;
  cursor.at += 1;
  // Most values are short texts: a call by the table less.
  if ((first & 0xe0) === 0xa0) return text(cursor, first & 0x1f);
  // Past the end there is no first byte, and so nothing that reads it.
  return (READERS[first] as Read)(cursor, first);
}

function map(cursor: Cursor, entries: number): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (let entry = 0; entry < entries; entry++) object[key(cursor)] = read(cursor);
  return object;
}

/** Only short texts are keys here, and none that would be taken for the prototype. */
function key(cursor: Cursor): string {
  const first = cursor.bytes[cursor.at] as number;
  if ((first & 0xe0) !== 0xa0) unusual();
  cursor.at += 1;
  const name = text(cursor, first & 0x1f);
  return name === '__proto__' ? unusual() : name;
}

function array(cursor: Cursor, length: number): unknown[] {
  // Each item takes a byte at least: a longer array is not there.
  if (length > cursor.end - cursor.at) unusual();
  const items = new Array<unknown>(length);
  for (let place = 0; place < length; place++) items[place] = read(cursor);
  return items;
}

/** Longer texts seldom come twice, and are not looked for. */
const KEPT_TEXT_BYTES = 40;
/** How many short texts are kept, as a power of two; another takes the place of one with the same sum. */
const KEPT_TEXTS_LOG = 12;
const kept = Array.from<string>({ length: 2 ** KEPT_TEXTS_LOG }).fill('');

function text(cursor: Cursor, length: number): string {
  const start = cursor.at;
  cursor.at += length;
  if (cursor.at > cursor.end) unusual();
  return length > KEPT_TEXT_BYTES ? madeText(cursor, start) : keptText(cursor, start);
}

function keptText(cursor: Cursor, start: number): string {
  const place = placeOfText(cursor.bytes, start, cursor.at);
  const known = kept[place] as string;
  if (isText(known, cursor, start)) return known;
  const made = madeText(cursor, start);
  kept[place] = made;
  return made;
}

/** By its length, its beginning, its middle and its end, where ids differ. */
function placeOfText(bytes: Buffer, start: number, end: number): number {
  const outer = ((bytes[start] as number) << 8) ^ (bytes[(start + end) >> 1] as number);
  // Where it is shorter, what stands before it counts instead.
  const tail =
    ((bytes[end - 1] as number) << 16) |
    ((bytes[end - 2] as number) << 8) |
    (bytes[end - 3] as number);
  return Math.imul(tail ^ Math.imul(outer, 0x85eb), 0x9e3779b1 + end - start) >>> BEHIND_PLACE;
}

const BEHIND_PLACE = 32 - KEPT_TEXTS_LOG;

function isText(known: string, { bytes, at: end }: Cursor, start: number): boolean {
  const { length } = known;
  if (length !== end - start) return false;
  for (let place = 0; place < length; place++)
    if (known.charCodeAt(place) !== bytes[start + place]) return false;
  return true;
}

function madeText({ bytes, at: end }: Cursor, start: number): string {
  for (let at = start; at < end; at++) if ((bytes[at] as number) > 0x7f) unusual();
  return bytes.toString('latin1', start, end);
}

/** By the first byte of a value; what has no reader of its own is unusual. */
const READERS: readonly Read[] = Object.assign(ranges(), {
  0xc0: () => null,
  0xc2: () => false,
  0xc3: () => true,
  0xcb: (cursor: Cursor) => cursor.bytes.readDoubleBE(past(cursor, 8)),
  0xcc: uint8,
  0xcd: uint16,
  0xce: uint32,
  0xd0: (cursor: Cursor) => cursor.bytes.readInt8(past(cursor, 1)),
  0xd1: (cursor: Cursor) => cursor.bytes.readInt16BE(past(cursor, 2)),
  0xd2: (cursor: Cursor) => cursor.bytes.readInt32BE(past(cursor, 4)),
  0xd9: (cursor: Cursor) => text(cursor, uint8(cursor)),
  0xda: (cursor: Cursor) => text(cursor, uint16(cursor)),
  0xdb: (cursor: Cursor) => text(cursor, uint32(cursor)),
  0xdc: (cursor: Cursor) => array(cursor, uint16(cursor)),
  0xdd: (cursor: Cursor) => array(cursor, uint32(cursor)),
  0xde: (cursor: Cursor) => map(cursor, uint16(cursor)),
});

/** First bytes that carry a small integer or a length themselves. */
function ranges(): Read[] {
  return Array.from<Read>({ length: 0x100 })
    .fill((_, first) => first, 0x00, 0x80)
    .fill((cursor, first) => map(cursor, first & 0x0f), 0x80, 0x90)
    .fill((cursor, first) => array(cursor, first & 0x0f), 0x90, 0xa0)
    .fill((cursor, first) => text(cursor, first & 0x1f), 0xa0, 0xc0)
    .fill(unusual, 0xc0, 0xe0)
    .fill((_, first) => first - 0x100, 0xe0, 0x100);
}

/** Goes past some bytes. @returns where they begin */
function past(cursor: Cursor, bytes: number): number {
  const { at } = cursor;
  cursor.at += bytes;
  return at;
}

function uint8(cursor: Cursor): number {
  return cursor.bytes.readUInt8(past(cursor, 1));
}

function uint16(cursor: Cursor): number {
  return cursor.bytes.readUInt16BE(past(cursor, 2));
}

function uint32(cursor: Cursor): number {
  return cursor.bytes.readUInt32BE(past(cursor, 4));
}
