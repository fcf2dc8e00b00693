/**
 * The batch chain: proof that nothing which was acknowledged has silently gone.
 *
 * LevelDB may lose fsynced data without saying so, and then opens with a shortened history and an older
 * vote. So every batch carries a link that names the batch before it, and says where each group it
 * touched stands afterwards. Recovery believes only what the chain says.
 *
 * ```
 *   link 41            link 42            link 43
 *  ┌──────────┐ crc32 ┌──────────┐ crc32 ┌──────────┐
 *  │ touched  │◀──────│ previous │◀──────│ previous │     a ring of 65 536 links
 *  └──────────┘       └──────────┘       └──────────┘
 *
 * key    b/[2: number mod 65 536]
 * value  [4: crc32 of key ‖ rest][8: number][4: crc32 of the previous link][touched]…
 * touched  [group][8: last index][8: term of it][4: crc32 of the hard state, 0 if there is none]
 * ```
 */
import { type GroupId, readGroup } from './group.ts';
import { readUint64, writeUint64 } from './integer.ts';
import { linkKey } from './keys.ts';
import { seal, SEAL_BYTES, sealOf, unseal } from './sealed-value.ts';

/** Where a group stands after a batch. */
export interface Touched {
  /** The group's bytes, as in keys. */
  readonly group: Buffer;
  readonly last: number;
  readonly term: number;
  readonly hardState: number;
}

export interface Link {
  readonly number: number;
  /** Checksum of the link before; 0 in the first. */
  readonly previous: number;
  readonly touched: readonly TouchedGroup[];
  /** Checksum of this link. */
  readonly sum: number;
}

export interface TouchedGroup {
  readonly group: GroupId;
  readonly last: number;
  readonly term: number;
  readonly hardState: number;
}

const NUMBER_AT = SEAL_BYTES;
const PREVIOUS_AT = NUMBER_AT + 8;
const TOUCHED_AT = PREVIOUS_AT + 4;
const STANDING_BYTES = 8 + 8 + 4;

/** The end of the chain: what the next link is tied to. Number 0 is before the first batch. */
export interface ChainEnd {
  readonly number: number;
  readonly sum: number;
}

export const CHAIN_START: ChainEnd = { number: 0, sum: 0 };

export interface NextLink {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly end: ChainEnd;
}

/** The link that follows `end`. */
export function nextLink(end: ChainEnd, touched: readonly Touched[]): NextLink {
  const number = end.number + 1;
  const key = linkKey(number);
  const value = Buffer.allocUnsafe(TOUCHED_AT + touchedBytes(touched));
  writeUint64(value, number, NUMBER_AT);
  value.writeUInt32BE(end.sum, PREVIOUS_AT);
  writeTouched(value, touched);
  seal(key, value);
  return { key, value, end: { number, sum: sealOf(value) } };
}

function touchedBytes(touched: readonly Touched[]): number {
  let bytes = 0;
  for (const { group } of touched) bytes += group.length + STANDING_BYTES;
  return bytes;
}

function writeTouched(value: Buffer, touched: readonly Touched[]): void {
  let offset = TOUCHED_AT;
  for (const { group, last, term, hardState } of touched) {
    value.set(group, offset);
    const standing = offset + group.length;
    writeUint64(value, last, standing);
    writeUint64(value, term, standing + 8);
    value.writeUInt32BE(hardState, standing + 16);
    offset = standing + STANDING_BYTES;
  }
}

/** @returns nothing where the value is not a link that was written under this key. */
export function decodeLink(key: Buffer, value: Buffer): Link | undefined {
  if (value.length < TOUCHED_AT || unseal(key, value) === undefined) return undefined;
  const touched = [...readTouched(value)];
  const previous = value.readUInt32BE(PREVIOUS_AT);
  return { number: readUint64(value, NUMBER_AT), previous, touched, sum: sealOf(value) };
}

function* readTouched(value: Buffer): Generator<TouchedGroup> {
  let offset = TOUCHED_AT;
  while (offset < value.length) {
    const read = readGroup(value, offset);
    if (read === undefined || read.next + STANDING_BYTES > value.length) return;
    yield {
      group: read.group,
      last: readUint64(value, read.next),
      term: readUint64(value, read.next + 8),
      hardState: value.readUInt32BE(read.next + 16),
    };
    offset = read.next + STANDING_BYTES;
  }
}
