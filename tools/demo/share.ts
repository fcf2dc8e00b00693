/** A fixed share of named things: the same names in every run, spread evenly. */

export type Share = (name: string) => boolean;

/** FNV-1a, 32 bits (Fowler, Noll, Vo), stirred once more: names that differ in a digit lie far apart. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}

/** @param part between 0 and 1 */
export function shareOfNames(part: number): Share {
  return (name) => hash(name) / 2 ** 32 < part;
}
