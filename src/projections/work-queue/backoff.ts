/** How long a failed item waits: doubling from a second to five minutes, spread so that items part. */

const FIRST_MS = 1000;
const LONGEST_MS = 300_000;
/** From here on doubling passes the longest. */
const DOUBLINGS_MAX = 9;

/** @param attempt which attempt failed, from 1 @returns whole milliseconds, the same on every node */
export function backoffMs(work_id: string, attempt: number): number {
  const doubled = FIRST_MS << Math.min(attempt - 1, DOUBLINGS_MAX);
  const base = Math.min(LONGEST_MS, doubled);
  return base + (fnv1a(`${work_id} ${attempt}`) % (base / 4 + 1));
}

/** FNV-1a, 32 bit (draft-eastlake-fnv), over ASCII. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let place = 0; place < text.length; place++)
    hash = Math.imul(hash ^ text.charCodeAt(place), 0x01000193);
  return hash >>> 0;
}
