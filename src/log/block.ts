/**
 * A block: the consecutive frames of one group that were written in one batch, as one value. One value
 * per batch instead of one per entry halves the work of writing and makes a scan several times faster.
 *
 * ```
 * key    e/[group][8: first index]
 * value  [4: crc32 of key ‖ rest][4: count][frame][frame]…
 * ```
 *
 * Frames are served as they lie here, without being decoded.
 */
import assert from 'node:assert/strict';
import { frameBytes, readFrame, placeOf, type Place } from './frame.ts';
import { numberOf } from './keys.ts';
import { seal, SEAL_BYTES, unseal } from './sealed-value.ts';
import { Slab } from './slab.ts';

/** Consecutive sealed frames, concatenated. */
export interface Chunk {
  readonly first: number;
  readonly last: number;
  readonly frames: Buffer;
}

const FRAMES_AT = SEAL_BYTES + 4;

/** Of the blocks this process writes: the newest stay in memory (`window.ts`). */
const slab = new Slab();

/** The value to be stored under `key` for frames that are `bytes` long together. */
export function encodeBlock(key: Buffer, frames: readonly Buffer[], bytes: number): Buffer {
  const value = slab.take(FRAMES_AT + bytes);
  value.writeUInt32BE(frames.length, SEAL_BYTES);
  let offset = FRAMES_AT;
  for (const frame of frames) {
    value.set(frame, offset);
    offset += frame.length;
  }
  return seal(key, value);
}

/** The value to be stored under `key` for frames that already lie one after another. */
export function encodeChunk(key: Buffer, { first, last, frames }: Chunk): Buffer {
  const value = Buffer.allocUnsafe(FRAMES_AT + frames.length);
  value.writeUInt32BE(last - first + 1, SEAL_BYTES);
  value.set(frames, FRAMES_AT);
  return seal(key, value);
}

/** The frames of a value this process made itself. */
export function blockOf(key: Buffer, value: Buffer): Chunk {
  const first = numberOf(key);
  const last = first + value.readUInt32BE(SEAL_BYTES) - 1;
  return { first, last, frames: value.subarray(FRAMES_AT) };
}

/** Checks a value that comes from the disk. @returns nothing where it is not what was written. */
export function decodeBlock(key: Buffer, value: Buffer): Chunk | undefined {
  if (value.length <= FRAMES_AT || unseal(key, value) === undefined) return undefined;
  return blockOf(key, value);
}

/** Where the frame with this index starts. */
function offsetOf(block: Chunk, index: number): number {
  let offset = 0;
  for (let at = block.first; at < index; at++) offset += frameBytes(block.frames, offset);
  return offset;
}

/** The part of a block from index `first` to `last`, without copying. */
export function slice(block: Chunk, first: number, last: number): Chunk {
  if (first <= block.first && last >= block.last) return block;
  const low = Math.max(first, block.first);
  const high = Math.min(last, block.last);
  const start = offsetOf(block, low);
  const rest: Chunk = { first: low, last: block.last, frames: block.frames.subarray(start) };
  const end = high === block.last ? rest.frames.length : offsetOf(rest, high + 1);
  return { first: low, last: high, frames: rest.frames.subarray(0, end) };
}

/** Cuts a chunk into pieces of at most `budget` bytes; a frame larger than that is a piece of its own. */
export function* pieces(chunk: Chunk, budget: number): Generator<Chunk> {
  let rest = chunk;
  while (rest.frames.length > budget) {
    const last = lastWithin(rest, budget);
    yield slice(rest, rest.first, last);
    if (last === rest.last) return;
    rest = slice(rest, last + 1, rest.last);
  }
  yield rest;
}

/** The last index whose frame ends within `budget`; at least the first. */
function lastWithin(chunk: Chunk, budget: number): number {
  let last = chunk.first;
  let end = frameBytes(chunk.frames, 0);
  while (last < chunk.last) {
    end += frameBytes(chunk.frames, end);
    if (end > budget) return last;
    last += 1;
  }
  return last;
}

/** The frame of one entry. */
export function frameIn(block: Chunk, index: number): Buffer {
  assert(index >= block.first && index <= block.last, 'the block holds this entry');
  return slice(block, index, index).frames;
}

/** The place of the first entry of a block that was checked. */
export function firstPlace(block: Chunk): Place {
  return placeOf(block.frames);
}

/** The place of the last entry of a block that was checked. */
export function lastPlace(block: Chunk): Place {
  return placeOf(frameIn(block, block.last));
}

export type BlockCheck =
  | { readonly kind: 'whole'; readonly first: Place; readonly last: Place }
  | {
      readonly kind: 'damaged';
      readonly index: number;
      readonly offset: number;
      readonly reason: string;
    };

/** Reads every frame of a block: checksums, contiguous indices, terms that never fall, the right count. */
export function checkBlock(block: Chunk): BlockCheck {
  const places: Place[] = [];
  let offset = 0;
  for (let index = block.first; index <= block.last; index++) {
    const read = readFrame(block.frames, offset);
    if (read.kind !== 'frame') return { kind: 'damaged', index, offset, reason: read.kind };
    const place = placeOf(read.frame);
    const reason = misplaced(place, index, places.at(-1));
    if (reason !== undefined) return { kind: 'damaged', index, offset, reason };
    places.push(place);
    offset = read.next;
  }
  return counted(block, places, offset);
}

function misplaced(place: Place, index: number, before: Place | undefined): string | undefined {
  if (place.index !== index) return `entry ${place.index} lies where ${index} should be`;
  if (before !== undefined && place.term < before.term) return 'the term falls';
  return undefined;
}

function counted(block: Chunk, places: readonly Place[], end: number): BlockCheck {
  const first = places[0];
  const last = places.at(-1);
  const damaged = { kind: 'damaged', index: block.last, offset: end } as const;
  if (first === undefined || last === undefined) return { ...damaged, reason: 'no frames' };
  if (end !== block.frames.length) return { ...damaged, reason: 'bytes after the last frame' };
  return { kind: 'whole', first, last };
}
