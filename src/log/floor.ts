/**
 * The floor of a group's log: the last entry that is no longer there, because retention trimmed it or a
 * snapshot took its place. Its term is kept, since the entry above it can only be checked against that.
 *
 * ```
 * key    f/[group]
 * value  [4: crc32 of key ‖ rest][8: index][8: term]
 * ```
 *
 * The floor is moved before anything below it is deleted, so what a crash leaves below is only rubbish.
 */
import { readUint64, writeUint64 } from './integer.ts';
import { seal, SEAL_BYTES, unseal } from './sealed-value.ts';

/** An index and the term its entry has. */
export interface Position {
  readonly index: number;
  readonly term: number;
}

/** Before the first entry. */
export const ORIGIN: Position = { index: 0, term: 0 };

export function encodeFloor(key: Buffer, { index, term }: Position): Buffer {
  const value = Buffer.allocUnsafe(SEAL_BYTES + 16);
  writeUint64(value, index, SEAL_BYTES);
  writeUint64(value, term, SEAL_BYTES + 8);
  return seal(key, value);
}

/** @returns nothing where the value is not what was written under this key. */
export function decodeFloor(key: Buffer, value: Buffer): Position | undefined {
  const payload = unseal(key, value);
  if (payload?.length !== 16) return undefined;
  return { index: readUint64(payload, 0), term: readUint64(payload, 8) };
}
