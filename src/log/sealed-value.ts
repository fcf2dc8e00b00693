/**
 * A value that knows where it belongs: its checksum covers the key it is filed under. A block filed
 * under another group, incarnation or index is damage, even if every byte of it is intact.
 *
 * ```
 *  0        4
 *  ├────────┼─────────────┐
 *  │ crc32  │ payload     │     crc32 = CRC-32 of key ‖ payload, big-endian
 *  └────────┴─────────────┘
 * ```
 */
import { checksum } from './checksum.ts';

export const SEAL_BYTES = 4;

/** Closes `value` in place; its payload starts at SEAL_BYTES. */
export function seal(key: Buffer, value: Buffer): Buffer {
  value.writeUInt32BE(checksum(value.subarray(SEAL_BYTES), checksum(key)));
  return value;
}

/** Copies `payload` into a sealed value. */
export function sealed(key: Buffer, payload: Uint8Array): Buffer {
  const value = Buffer.allocUnsafe(SEAL_BYTES + payload.length);
  value.set(payload, SEAL_BYTES);
  return seal(key, value);
}

/** The payload of a sealed value, or nothing where the bytes are not what was written under this key. */
export function unseal(key: Buffer, value: Buffer): Buffer | undefined {
  if (value.length < SEAL_BYTES) return undefined;
  const payload = value.subarray(SEAL_BYTES);
  return checksum(payload, checksum(key)) === sealOf(value) ? payload : undefined;
}

/** The checksum itself: the batch chain remembers it for hard states. */
export function sealOf(value: Buffer): number {
  return value.readUInt32BE(0);
}
