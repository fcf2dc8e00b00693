/**
 * A group: one replicated log. The incarnation is the index of its `create_group` entry in `main`, so
 * that a group created again under an old name never meets its predecessor's keys or messages.
 *
 * As bytes, in keys:
 *
 * ```
 * [1: bytes of the id][id, UTF-8][8: incarnation]
 * ```
 *
 * The length comes first, so no group's bytes are a prefix of another's.
 */
import assert from 'node:assert/strict';
import { readUint64, writeUint64 } from './integer.ts';

export interface GroupId {
  /** Like `main` or `job/42`. */
  readonly id: string;
  /** 0 for `main`. */
  readonly incarnation: number;
}

/** The longest id in bytes of UTF-8; the length has one byte. */
export const GROUP_ID_BYTES_MAX = 255;

const LENGTH_BYTES = 1;
const INCARNATION_BYTES = 8;

export function groupBytes(group: GroupId): Buffer {
  const length = Buffer.byteLength(group.id);
  assert(length > 0 && length <= GROUP_ID_BYTES_MAX, 'a group id has 1 to 255 bytes');
  const bytes = Buffer.alloc(LENGTH_BYTES + length + INCARNATION_BYTES);
  bytes[0] = length;
  bytes.write(group.id, LENGTH_BYTES);
  writeUint64(bytes, group.incarnation, LENGTH_BYTES + length);
  return bytes;
}

export interface GroupRead {
  readonly group: GroupId;
  /** Where the bytes of the group end. */
  readonly next: number;
}

/** Reads the group that starts at `offset`, or nothing where the bytes are too short to hold one. */
export function readGroup(bytes: Buffer, offset: number): GroupRead | undefined {
  const length = bytes[offset];
  if (length === undefined) return undefined;
  const idEnd = offset + LENGTH_BYTES + length;
  const next = idEnd + INCARNATION_BYTES;
  if (next > bytes.length) return undefined;
  const id = bytes.toString('utf8', offset + LENGTH_BYTES, idEnd);
  return { group: { id, incarnation: readUint64(bytes, idEnd) }, next };
}

/** For people: `main`, or `job/42 (created at 17)`. */
export function groupName({ id, incarnation }: GroupId): string {
  return incarnation === 0 ? id : `${id} (created at ${incarnation})`;
}
