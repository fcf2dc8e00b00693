/**
 * A frame: one entry of one group as bytes. The unit that lies on disk, crosses the wire and is
 * streamed, never encoded twice.
 *
 * ```
 *  0        4        8                16               24   25               33
 *  ├────────┼────────┼────────────────┼────────────────┼────┼────────────────┼───────────────┐
 *  │ crc32  │ length │ term           │ index          │ v  │ at             │ MessagePack   │
 *  └────────┴────────┴────────────────┴────────────────┴────┴────────────────┴───────────────┘
 *                    └──────────────────────── covered by crc32 ──────────────────────────────┘
 *                                                      └────────── command, N bytes ──────────┘
 * ```
 *
 * All integers are big-endian. `length` = 16 + N (term, index and command); `crc32` is IEEE. `v` is the
 * version of the command envelope (1); `at` is the leader's stamp in milliseconds since the epoch, at a
 * fixed offset because it is written last. The MessagePack map is described in `command.ts`. The first
 * 24 bytes are those of hyperscale's `raft_wal.py`, so files can be exchanged.
 *
 * A frame is born *unsealed* by `encodeCommand` (header and `at` blank) and sealed in place exactly once
 * by the engine that gives it its place in the log.
 */
import assert from 'node:assert/strict';
import { checksum } from './checksum.ts';
import { readUint64, writeUint64 } from './integer.ts';

export const FRAME_HEADER_BYTES = 24;
export const ENVELOPE_BYTES = 9;
export const ENVELOPE_VERSION = 1;
/** The largest command (envelope included). Beyond it a proposal is refused with `too-large`. */
export const COMMAND_BYTES_MAX = 1024 * 1024;

const LENGTH_AT = 4;
const TERM_AT = 8;
const INDEX_AT = 16;
const STAMP_AT = FRAME_HEADER_BYTES + 1;
/** What `length` counts besides the command: term and index. */
const COUNTED_HEADER_BYTES = 16;
const UNCOUNTED_HEADER_BYTES = FRAME_HEADER_BYTES - COUNTED_HEADER_BYTES;

/** The place the log gave an entry, and when. */
export interface Place {
  readonly term: number;
  readonly index: number;
  readonly at: number;
}

/** Makes a frame of bytes that end in a MessagePack body: everything but the body is blank. */
export function blankHead(frame: Buffer): void {
  frame.fill(0, 0, FRAME_HEADER_BYTES + ENVELOPE_BYTES);
  frame[FRAME_HEADER_BYTES] = ENVELOPE_VERSION;
}

/** Writes the place into an unsealed frame and closes it with its checksum. In place. */
export function sealFrame(frame: Buffer, place: Place): void {
  writeUint64(frame, place.at, STAMP_AT);
  writeUint64(frame, place.term, TERM_AT);
  writeUint64(frame, place.index, INDEX_AT);
  frame.writeUInt32BE(frame.length - UNCOUNTED_HEADER_BYTES, LENGTH_AT);
  frame.writeUInt32BE(checksum(frame.subarray(TERM_AT)), 0);
}

/** Reads the place of a sealed frame; the caller has checked it. */
export function placeOf(frame: Buffer): Place {
  return { term: termOf(frame), index: indexOf(frame), at: stampOf(frame) };
}

/** Of its place, the term alone: 0 while it is unsealed. */
export function termOf(frame: Buffer): number {
  return readUint64(frame, TERM_AT);
}

export function indexOf(frame: Buffer): number {
  return readUint64(frame, INDEX_AT);
}

export function stampOf(frame: Buffer): number {
  return readUint64(frame, STAMP_AT);
}

export type FrameRead =
  | { readonly kind: 'frame'; readonly frame: Buffer; readonly next: number }
  /** The bytes end before the frame does. */
  | { readonly kind: 'torn'; readonly offset: number }
  /** The bytes are all there, but are not what was written. */
  | { readonly kind: 'damaged'; readonly offset: number; readonly reason: string };

const SMALLEST_FRAME = FRAME_HEADER_BYTES + ENVELOPE_BYTES;

function isPossible(bytes: number): boolean {
  return bytes >= SMALLEST_FRAME && bytes <= FRAME_HEADER_BYTES + COMMAND_BYTES_MAX;
}

/** Reads and checks the frame that starts at `offset`. Never throws on bad bytes. */
export function readFrame(bytes: Buffer, offset: number): FrameRead {
  if (bytes.length - offset < FRAME_HEADER_BYTES) return { kind: 'torn', offset };
  const end = offset + UNCOUNTED_HEADER_BYTES + bytes.readUInt32BE(offset + LENGTH_AT);
  if (!isPossible(end - offset)) return { kind: 'damaged', offset, reason: 'impossible length' };
  if (end > bytes.length) return { kind: 'torn', offset };
  return checkedFrame(bytes.subarray(offset, end), offset);
}

function checkedFrame(frame: Buffer, offset: number): FrameRead {
  const next = offset + frame.length;
  if (checksum(frame.subarray(TERM_AT)) !== frame.readUInt32BE(0))
    return { kind: 'damaged', offset, reason: 'checksum mismatch' };
  return { kind: 'frame', frame, next };
}

/** How many bytes the frame at `offset` takes, read from its header; the caller has checked it. */
export function frameBytes(bytes: Buffer, offset: number): number {
  const length = bytes.readUInt32BE(offset + LENGTH_AT);
  assert(length >= COUNTED_HEADER_BYTES, 'a checked frame has a possible length');
  return UNCOUNTED_HEADER_BYTES + length;
}
