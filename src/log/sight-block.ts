/**
 * Looks at a stored block without believing it: frame after frame, naming the byte at which each one
 * that is not whole begins. A damaged frame is stepped over where its length is still possible, so one
 * flipped bit hides one entry and not its neighbours.
 */
import { decodeBlock } from './block.ts';
import {
  COMMAND_BYTES_MAX,
  FRAME_HEADER_BYTES,
  type FrameRead,
  indexOf,
  readFrame,
} from './frame.ts';
import { numberOf } from './keys.ts';
import { SEAL_BYTES } from './sealed-value.ts';
import type { BareSighting, SeenDamage } from './sighting.ts';

/** Seal and count, in front of the frames. */
const HEADER_BYTES = SEAL_BYTES + 4;
/** Where the length stands in a frame's header, and what it does not count. */
const LENGTH_AT = 4;
const UNCOUNTED_BYTES = 8;

/** Walks over bytes that should be sealed frames, the first of them being the entry `index`. */
export function* sightFrames(
  bytes: Buffer,
  place: { readonly index: number; readonly where: string; readonly offset: number },
): Generator<BareSighting, number> {
  let { index } = place;
  let at = 0;
  while (at < bytes.length) {
    const read = readFrame(bytes, at);
    yield sighted(read, { index, where: place.where, offset: place.offset + at });
    at = read.kind === 'frame' ? read.next : afterDamage(bytes, at);
    index += 1;
  }
  return index;
}

type Spot = Pick<SeenDamage, 'index' | 'where' | 'offset'>;

function sighted(read: FrameRead, { index, where, offset }: Spot): BareSighting {
  // Spelt out, not spread: one of these is made for every entry of a log.
  if (read.kind === 'frame')
    return { kind: 'entry', index: indexOf(read.frame), frame: read.frame, where, offset };
  const reason = read.kind === 'torn' ? 'the frame is cut off' : `the frame has a ${read.reason}`;
  return { kind: 'damage', what: 'entry', index, where, offset, reason };
}

/** The next frame, if the damaged one says a possible length; else the rest is out of reach. */
function afterDamage(bytes: Buffer, at: number): number {
  if (bytes.length - at < FRAME_HEADER_BYTES) return bytes.length;
  const length = bytes.readUInt32BE(at + LENGTH_AT);
  const possible = length <= FRAME_HEADER_BYTES + COMMAND_BYTES_MAX - UNCOUNTED_BYTES;
  return possible ? at + UNCOUNTED_BYTES + length : bytes.length;
}

/** Everything in one stored block, in order. */
export function sightBlock(key: Buffer, value: Buffer): readonly BareSighting[] {
  const first = numberOf(key);
  const spot: Spot = { index: first, where: `block ${first}`, offset: 0 };
  if (value.length < HEADER_BYTES)
    return [{ ...spot, kind: 'damage', what: 'entry', reason: 'the block is cut off' }];
  const frames = value.subarray(HEADER_BYTES);
  const seen = [...sightFrames(frames, { ...spot, offset: HEADER_BYTES })];
  const explained = seen.some(({ kind }) => kind === 'damage');
  return explained || decodeBlock(key, value) !== undefined ? seen : [notAsWritten(spot), ...seen];
}

/** All frames are whole, and yet the block is not what was written: its count, its seal or its place. */
function notAsWritten(spot: Spot): SeenDamage {
  const reason = 'the block is not what was written under its key, though its frames are whole';
  return { ...spot, kind: 'damage', what: 'record', reason };
}
