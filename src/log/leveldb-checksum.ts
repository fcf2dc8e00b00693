/**
 * The checksum of LevelDB's files: CRC-32C of the Castagnoli polynomial, masked. A sum that lies among the
 * bytes it is a sum of would make sums of sums; so it is stored rotated right by 15 bits, plus a constant.
 */
import CRC32C from 'crc-32/crc32c.js';

const MASK_DELTA = 0xa282ead8;

/** The sum of `bytes`, unmasked; pass the sum of what went before as `seed` to continue it. */
export function castagnoli(bytes: Uint8Array, seed = 0): number {
  return CRC32C.buf(bytes, seed);
}

/** A sum as it is stored. */
export function masked(sum: number): number {
  return (((sum >>> 15) | (sum << 17)) + MASK_DELTA) >>> 0;
}
