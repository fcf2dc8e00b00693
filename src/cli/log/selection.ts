/** Which entries are meant: a range, types, how many. */
import { decodeEntry } from '../../log/command.ts';
import type { Sighting } from '../../log/sighting.ts';
import type { Evidence } from '../../projections/history/evidence.ts';

export interface Selection {
  readonly from: number;
  readonly to: number;
  /** A comma-separated list of types, in which `*` stands for anything. */
  readonly type: string;
  readonly limit: number;
}

/** Everything of the selection in order; damage within its range is always part of it. */
export async function* selected(
  evidence: Evidence,
  { from, to, type, limit }: Selection,
): AsyncGenerator<Sighting> {
  const isMeant = matching(type);
  let left = limit;
  for await (const sightings of evidence.read(Math.max(from, evidence.first))) {
    const meant = sightings.filter((seen) => seen.index <= to && isMeant(seen)).slice(0, left);
    yield* meant;
    left -= meant.length;
    if (left === 0 || sightings.some(({ index }) => index >= to)) return;
  }
}

const ANYTHING = '*';

function matching(list: string): (seen: Sighting) => boolean {
  if (list === ANYTHING) return () => true;
  const pattern = new RegExp(`^(?:${list.split(',').map(patternOf).join('|')})$`);
  return (seen) => seen.kind === 'damage' || pattern.test(decodeEntry(seen.frame).type);
}

/** A type as a regular expression: every other letter than the names of types have is itself. */
function patternOf(glob: string): string {
  const literal = (part: string): string => part.replaceAll(/[^\w-]/g, (letter) => `\\${letter}`);
  return glob.trim().split(ANYTHING).map(literal).join('.*');
}
