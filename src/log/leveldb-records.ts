/**
 * LevelDB's own log format (doc/log_format.md of LevelDB), which its `*.log` and `MANIFEST-*` files have:
 * blocks of 32 KiB, records that are cut where a block ends.
 *
 * ```
 *  0          4        6      7
 *  ├──────────┼────────┼──────┼──────────────────┐
 *  │ masked   │ length │ type │ payload          │     little-endian; type 1 FULL, 2 FIRST, 3 MIDDLE, 4 LAST
 *  │ crc32c   │        │      │                  │     crc32c covers type and payload
 *  └──────────┴────────┴──────┴──────────────────┘     fewer than 7 bytes at the end of a block: padding
 *
 *                FULL
 *               ┌────┐
 *               ▼    │      FIRST                       any other order is damage
 *             ┌────────┐ ───────────▶ ┌──────────┐ ───┐
 *             │ between│              │ within   │    │ MIDDLE
 *             └────────┘ ◀─────────── └──────────┘ ◀──┘
 *                            LAST
 * ```
 *
 * A file that was being written when the power failed ends in the middle of a record, or in zeros: that is
 * *torn*, and nothing in it was acknowledged. A record that is all there with a checksum that does not hold
 * is *damage*. LevelDB itself treats both alike and opens with what is left.
 */
import { castagnoli, masked } from './leveldb-checksum.ts';

export const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
const LENGTH_AT = 4;
const TYPE_AT = 6;
/** What a file system writes at once: after a power cut, a page is there or it is zeros. */
const PAGE_BYTES = 4_096;

export type RecordScan =
  | { readonly kind: 'whole'; readonly records: number }
  /** The last record was never finished; it starts at `offset`. */
  | { readonly kind: 'torn'; readonly offset: number }
  | { readonly kind: 'damaged'; readonly offset: number; readonly reason: string };

type Fragment = 'between' | 'within';

/** What may follow what, by the type in the header. */
const FOLLOWS: Readonly<Record<Fragment, Readonly<Record<number, Fragment>>>> = {
  between: { 1: 'between', 2: 'within' },
  within: { 3: 'within', 4: 'between' },
};

/** One physical record. */
type Physical =
  | { readonly kind: 'record'; readonly type: number; readonly next: number }
  | { readonly kind: 'padding'; readonly next: number }
  | { readonly kind: 'torn' }
  | { readonly kind: 'damaged'; readonly reason: string };

/** Reads a whole file. Never throws on bad bytes. */
export function scanRecords(bytes: Buffer): RecordScan {
  const scan = new Scan();
  let verdict: RecordScan | undefined;
  while (verdict === undefined && scan.offset < bytes.length)
    verdict = scan.take(physicalAt(bytes, scan.offset));
  return verdict ?? scan.end();
}

/** The records of a whole file, put together from their parts. */
export function payloadsIn(bytes: Buffer): readonly Buffer[] {
  const payloads: Buffer[] = [];
  let parts: Buffer[] = [];
  for (const { type, payload } of physicalsIn(bytes)) {
    parts.push(payload);
    if (!ENDS.has(type)) continue;
    payloads.push(Buffer.concat(parts));
    parts = [];
  }
  return payloads;
}

/** FULL and LAST. */
const ENDS: ReadonlySet<number> = new Set([1, 4]);

function* physicalsIn(
  bytes: Buffer,
): Generator<{ readonly type: number; readonly payload: Buffer }> {
  let offset = 0;
  for (let physical = physicalAt(bytes, offset); 'next' in physical;) {
    if (physical.kind === 'record')
      yield { type: physical.type, payload: bytes.subarray(offset + HEADER_BYTES, physical.next) };
    offset = physical.next;
    physical = physicalAt(bytes, offset);
  }
}

class Scan {
  offset = 0;
  #fragment: Fragment = 'between';
  /** Where the logical record began that `offset` is in. */
  #start = 0;
  #records = 0;

  /** @returns the verdict, once there is one. */
  take(physical: Physical): RecordScan | undefined {
    if (physical.kind === 'torn') return { kind: 'torn', offset: this.#begun() };
    if (physical.kind === 'damaged') return { ...physical, offset: this.offset };
    if (physical.kind === 'record') return this.#follow(physical.type, physical.next);
    this.offset = physical.next;
    return undefined;
  }

  end(): RecordScan {
    if (this.#fragment === 'within') return { kind: 'torn', offset: this.#start };
    return { kind: 'whole', records: this.#records };
  }

  #follow(type: number, next: number): RecordScan | undefined {
    const fragment = FOLLOWS[this.#fragment][type];
    if (fragment === undefined)
      return { kind: 'damaged', offset: this.offset, reason: 'a part of a record is missing' };
    this.#start = this.#begun();
    this.#fragment = fragment;
    this.#records += fragment === 'between' ? 1 : 0;
    this.offset = next;
    return undefined;
  }

  #begun(): number {
    return this.#fragment === 'within' ? this.#start : this.offset;
  }
}

function physicalAt(bytes: Buffer, offset: number): Physical {
  const blockEnd = (Math.floor(offset / BLOCK_BYTES) + 1) * BLOCK_BYTES;
  if (blockEnd - offset < HEADER_BYTES) return { kind: 'padding', next: blockEnd };
  if (bytes.length - offset < HEADER_BYTES) return { kind: 'torn' };
  const end = offset + HEADER_BYTES + bytes.readUInt16LE(offset + LENGTH_AT);
  if (end > Math.min(blockEnd, bytes.length)) return beyond(bytes, offset, blockEnd);
  return checked(bytes, offset, end);
}

/** A record whose length leads beyond its block or the file: cut off, or its length was changed. */
function beyond(bytes: Buffer, offset: number, blockEnd: number): Physical {
  if (bytes.length > blockEnd || isWholeAtSomeLength(bytes, offset))
    return { kind: 'damaged', reason: 'impossible length' };
  return { kind: 'torn' };
}

/** The checksum does not cover the length, so it can tell whether all of the payload is there after all. */
function isWholeAtSomeLength(bytes: Buffer, offset: number): boolean {
  const wanted = storedSum(bytes, offset);
  let sum = 0;
  for (let end = offset + TYPE_AT; end < bytes.length; end++) {
    sum = castagnoli(bytes.subarray(end, end + 1), sum);
    if (masked(sum) === wanted) return true;
  }
  return false;
}

function checked(bytes: Buffer, offset: number, end: number): Physical {
  const sum = castagnoli(bytes.subarray(offset + TYPE_AT, end));
  if (masked(sum) === storedSum(bytes, offset))
    return { kind: 'record', type: bytes.readUInt8(offset + TYPE_AT), next: end };
  if (neverWritten(bytes, offset, end)) return { kind: 'torn' };
  return { kind: 'damaged', reason: 'a complete record has a bad checksum' };
}

function storedSum(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset);
}

/** The record, or pages of it up to its end, are zeros, and so is everything after it. */
function neverWritten(bytes: Buffer, offset: number, end: number): boolean {
  let zeros = bytes.length;
  while (zeros > offset && bytes[zeros - 1] === 0) zeros -= 1;
  return zeros === offset || Math.ceil(zeros / PAGE_BYTES) * PAGE_BYTES < end;
}
