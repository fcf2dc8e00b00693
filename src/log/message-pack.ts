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
import { KeptTexts, type Source } from './kept-texts.ts';

const msgpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

/** Not an error: msgpackr reads it instead. */
const UNUSUAL = new Error('not read here');

function unusual(): never {
  throw UNUSUAL;
}

type Read = (reader: Reader, first: number) => unknown;

class Reader {
  /** The whole of the buffer of which the message is a part: those that follow mostly share it. */
  #source = wholeOf(new ArrayBuffer(0));
  /** The one before: entries and outcomes lie in two, and are read in turn. */
  #other = this.#source;
  #view = this.#source.view;
  readonly #texts = new KeptTexts();
  #at = 0;
  #end = 0;

  /** The value from `start` to `end` of a buffer. @throws what is not an answer, where it is unusual */
  message(buffer: ArrayBufferLike, start: number, end: number): unknown {
    if (this.#source.buffer !== buffer) this.#turnTo(buffer);
    this.#at = start;
    this.#end = end;
    const value = this.value();
    return this.#at === end ? value : unusual();
  }

  value(): unknown {
    const first = this.#view.getUint8(this.#past(1));
    // Most values are short texts: a call by the table less.
    if ((first & 0xe0) === 0xa0) return this.text(first & 0x1f);
    return (READERS[first] as Read)(this, first);
  }

  map(entries: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (let entry = 0; entry < entries; entry++) object[this.#key()] = this.value();
    return object;
  }

  array(length: number): unknown[] {
    // Each item takes a byte at least: a longer array is not there.
    if (length > this.#end - this.#at) unusual();
    const items = new Array<unknown>(length);
    for (let place = 0; place < length; place++) items[place] = this.value();
    return items;
  }

  text(length: number): string {
    const start = this.#past(length);
    if (this.#at > this.#end) unusual();
    return this.#texts.at(this.#source, start, length) ?? unusual();
  }

  uint8(): number {
    return this.#view.getUint8(this.#past(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#past(2));
  }

  uint32(): number {
    return this.#view.getUint32(this.#past(4));
  }

  int8(): number {
    return this.#view.getInt8(this.#past(1));
  }

  int16(): number {
    return this.#view.getInt16(this.#past(2));
  }

  int32(): number {
    return this.#view.getInt32(this.#past(4));
  }

  float64(): number {
    return this.#view.getFloat64(this.#past(8));
  }

  #turnTo(buffer: ArrayBufferLike): void {
    const other = this.#other;
    this.#other = this.#source;
    this.#source = other.buffer === buffer ? other : wholeOf(buffer);
    this.#view = this.#source.view;
  }

  /** Only short texts are keys here, and none that would be taken for the prototype. */
  #key(): string {
    const first = this.#view.getUint8(this.#past(1));
    if ((first & 0xe0) !== 0xa0) unusual();
    const name = this.text(first & 0x1f);
    return name === '__proto__' ? unusual() : name;
  }

  /** Goes past some bytes. @returns where they begin */
  #past(bytes: number): number {
    const at = this.#at;
    this.#at = at + bytes;
    return at;
  }
}

function wholeOf(buffer: ArrayBufferLike): Source {
  return { buffer, bytes: Buffer.from(buffer), view: new DataView(buffer) };
}

/** By the first byte of a value; what has no reader of its own is unusual. */
const READERS: readonly Read[] = Object.assign(ranges(), {
  0xc0: () => null,
  0xc2: () => false,
  0xc3: () => true,
  0xcb: (reader: Reader) => reader.float64(),
  0xcc: (reader: Reader) => reader.uint8(),
  0xcd: (reader: Reader) => reader.uint16(),
  0xce: (reader: Reader) => reader.uint32(),
  0xd0: (reader: Reader) => reader.int8(),
  0xd1: (reader: Reader) => reader.int16(),
  0xd2: (reader: Reader) => reader.int32(),
  0xd9: (reader: Reader) => reader.text(reader.uint8()),
  0xda: (reader: Reader) => reader.text(reader.uint16()),
  0xdb: (reader: Reader) => reader.text(reader.uint32()),
  0xdc: (reader: Reader) => reader.array(reader.uint16()),
  0xdd: (reader: Reader) => reader.array(reader.uint32()),
  0xde: (reader: Reader) => reader.map(reader.uint16()),
});

/** First bytes that carry a small integer or a length themselves. */
function ranges(): Read[] {
  return Array.from<Read>({ length: 0x100 })
    .fill((_, first) => first, 0x00, 0x80)
    .fill((reader, first) => reader.map(first & 0x0f), 0x80, 0x90)
    .fill((reader, first) => reader.array(first & 0x0f), 0x90, 0xa0)
    .fill((reader, first) => reader.text(first & 0x1f), 0xa0, 0xc0)
    .fill(unusual, 0xc0, 0xe0)
    .fill((_, first) => first - 0x100, 0xe0, 0x100);
}

/** Reading is never interrupted by other reading, so one reader is enough. */
const reader = new Reader();

/**
 * The value that takes up all of `bytes` from `start` on.
 * @throws as msgpackr does
 */
export function unpack(bytes: Uint8Array, start = 0): unknown {
  const { buffer, byteOffset, byteLength } = bytes;
  try {
    return reader.message(buffer, byteOffset + start, byteOffset + byteLength);
  } catch {
    // Whatever it was, reading past the end included: msgpackr says what it is.
    return msgpackr.unpack(bytes.subarray(start));
  }
}
