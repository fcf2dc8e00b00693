/**
 * A record of LevelDB's `.log`: one batch of changes (`db/write_batch.cc` of LevelDB). Only its first change
 * is looked at, for the mark of a clean exit is alone in its batch.
 *
 * ```
 *  [8: number of the first change][4: how many][change]…         little-endian
 *  change   [1: 0 removed, 1 put][varint][key]  and, for put, [varint][value]
 * ```
 */
import { Cursor } from './leveldb-cursor.ts';

const HEADER_BYTES = 12;
const PUT = 1;

/** The key a batch begins by putting; an empty one, which is nobody's, where it begins otherwise. */
export function firstKeyPut(batch: Buffer): Buffer {
  const cursor = new Cursor(batch, HEADER_BYTES);
  return cursor.take(cursor.byte() === PUT ? cursor.number() : 0);
}
