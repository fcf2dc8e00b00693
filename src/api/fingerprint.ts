/** What tells two requests apart that carry the same idempotency key. */
import { createHash } from 'node:crypto';

const LENGTH = 32;

/** The first half of a SHA-256, as hex, over the parts one after another. */
export function fingerprint(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, LENGTH);
}
