/**
 * Entries with their outcomes as bytes: what a node answers to `Accept: application/octet-stream`, and
 * what `quorate log export --format raw` writes.
 *
 * ```
 * [4: bytes of the frame][frame as stored][4: bytes of the outcome][outcome as stored] …
 * ```
 *
 * Integers are big-endian; an outcome that was not recorded has no bytes.
 */
import { placeOf, readFrame } from '../../log/frame.ts';
import type { SeenDamage, SeenEntry, Sighting } from '../../log/sighting.ts';

const LENGTH_BYTES = 4;
const NOT_RECORDED = Buffer.alloc(0);

export function recordedBytes({ frame, outcome = NOT_RECORDED }: SeenEntry): Buffer {
  return Buffer.concat([lengthOf(frame), frame, lengthOf(outcome), outcome]);
}

function lengthOf(bytes: Uint8Array): Buffer {
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(bytes.length);
  return length;
}

export interface Answer {
  readonly bytes: Buffer;
  /** For people: `answer after 1000`. */
  readonly where: string;
  /** The entry that should come first. */
  readonly index: number;
}

/** Everything in one answer; where the bytes make no sense, that is the last that is seen. */
export function* sightAnswer({ bytes, where, index }: Answer): Generator<Sighting> {
  let offset = 0;
  for (let expected = index; offset < bytes.length; expected += 1) {
    const record = recordAt(bytes, offset);
    if (record === undefined) {
      yield damage({ index: expected, where, offset, reason: 'the answer is cut off' });
      return;
    }
    yield sighted(record, { index: expected, where, offset });
    offset = record.next;
  }
}

interface RawRecord {
  readonly frame: Buffer;
  readonly outcome: Buffer;
  readonly next: number;
}

function recordAt(bytes: Buffer, offset: number): RawRecord | undefined {
  const frame = counted(bytes, offset);
  const outcome = frame === undefined ? undefined : counted(bytes, frame.next);
  if (frame === undefined || outcome === undefined) return undefined;
  return { frame: frame.part, outcome: outcome.part, next: outcome.next };
}

function counted(bytes: Buffer, offset: number): { part: Buffer; next: number } | undefined {
  if (offset + LENGTH_BYTES > bytes.length) return undefined;
  const start = offset + LENGTH_BYTES;
  const next = start + bytes.readUInt32BE(offset);
  return next > bytes.length ? undefined : { part: bytes.subarray(start, next), next };
}

type Spot = Pick<SeenDamage, 'index' | 'where' | 'offset'>;

function damage(spot: Spot & { readonly reason: string }): SeenDamage {
  return { kind: 'damage', what: 'entry', ...spot };
}

function sighted({ frame, outcome }: RawRecord, spot: Spot): Sighting {
  const read = readFrame(frame, 0);
  if (read.kind !== 'frame') return damage({ ...spot, reason: 'the frame is not what was sealed' });
  const recorded = outcome.length === 0 ? undefined : outcome;
  return { ...spot, kind: 'entry', index: placeOf(frame).index, frame, outcome: recorded };
}
