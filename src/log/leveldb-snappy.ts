/**
 * Snappy, as LevelDB compresses the blocks of its tables (format_description.txt of Snappy). Only the way
 * back: what is read here was written by LevelDB.
 *
 * ```
 *  [varint: length of the text] element…        the two lowest bits of an element's first byte say its kind
 *
 *  00  n<60  text of n+1 bytes                  ┌──────────┐
 *      n≥60  text; its length-1 in n-59 bytes   │ nnnnnn00 │ text…
 *  01  copy of n+4 bytes from  [3 + 8 bits] back│ dddnnn01 │ d
 *  10  copy of n+1 bytes from  [16 bits] back   │ nnnnnn10 │ d d
 *  11  copy of n+1 bytes from  [32 bits] back   │ nnnnnn11 │ d d d d       little-endian
 * ```
 */
import { Cursor } from './leveldb-cursor.ts';

/** A copy of three bytes gives 64: no text is longer than this many times what it was compressed to. */
const GROWTH_MAX = 32;
const LONG_TEXT = 60;

/** The text and how much of it is there. */
class Text {
  readonly bytes: Buffer;
  #length = 0;

  constructor(length: number) {
    this.bytes = Buffer.alloc(length);
  }

  get isWhole(): boolean {
    return this.#length === this.bytes.length;
  }

  /** @returns whether there was room. */
  append(part: Buffer): boolean {
    if (part.length > this.bytes.length - this.#length) return false;
    part.copy(this.bytes, this.#length);
    this.#length += part.length;
    return true;
  }

  /** A copy may reach into itself, and then repeats: `ab` and a copy of 5 from 2 back is `abababa`. */
  repeat(length: number, back: number): boolean {
    if (!this.#reaches(back)) return false;
    const period = this.bytes.subarray(this.#length - back, this.#length);
    for (let left = length; left > 0; left -= back)
      if (!this.append(period.subarray(0, left))) return false;
    return true;
  }

  #reaches(back: number): boolean {
    return back > 0 && back <= this.#length;
  }
}

type Element = (tag: number, from: Cursor, to: Text) => boolean;

const ELEMENTS: readonly Element[] = [
  (tag, from, to) => literal(from, to, textLength(tag >> 2, from)),
  (tag, from, to) => to.repeat(((tag >> 2) & 7) + 4, (tag >> 5) * 256 + from.byte()),
  (tag, from, to) => to.repeat((tag >> 2) + 1, littleEndian(from, 2)),
  (tag, from, to) => to.repeat((tag >> 2) + 1, littleEndian(from, 4)),
];

/** The text; none where the bytes are not what Snappy writes. */
export function uncompressed(bytes: Buffer): Buffer | undefined {
  const from = new Cursor(bytes);
  const length = from.number();
  if (length > bytes.length * GROWTH_MAX) return undefined;
  const to = new Text(length);
  return filled(from, to) ? to.bytes : undefined;
}

/** @returns whether all the elements together make the whole text. */
function filled(from: Cursor, to: Text): boolean {
  while (from.hasMore) if (!element(from, to)) return false;
  return to.isWhole;
}

function element(from: Cursor, to: Text): boolean {
  const tag = from.byte();
  const rule = ELEMENTS[tag & 3];
  return rule !== undefined && rule(tag, from, to);
}

function literal(from: Cursor, to: Text, length: number): boolean {
  const text = from.take(length);
  return text.length === length && to.append(text);
}

function textLength(coded: number, from: Cursor): number {
  return (coded < LONG_TEXT ? coded : littleEndian(from, coded - LONG_TEXT + 1)) + 1;
}

function littleEndian(from: Cursor, bytes: number): number {
  let value = 0;
  for (let unit = 0; unit < bytes; unit += 1) value += from.byte() * 256 ** unit;
  return value;
}
