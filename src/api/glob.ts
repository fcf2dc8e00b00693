/**
 * Filters by name: `*` stands for any characters, everything else for itself. No regular expressions from
 * callers, so no pattern can be made to take long.
 */
const GLOBS_MAX = 32;
const GLOB_LENGTH_MAX = 128;

export type Matches = (name: string) => boolean;

/** Reads a comma-separated list of globs; undefined where it is not one. */
export function readGlobs(list: string): Matches | undefined {
  const globs = list.split(',');
  if (globs.length > GLOBS_MAX || !globs.every(isGlob)) return undefined;
  const tests = globs.map(matching);
  return (name) => tests.some((test) => test(name));
}

function isGlob(glob: string): boolean {
  return glob.length <= GLOB_LENGTH_MAX && /^[\w.:*-]+$/.test(glob);
}

function matching(glob: string): Matches {
  const [start = '', ...rest] = glob.split('*');
  const end = rest.pop();
  if (end === undefined) return (name) => name === start;
  return (name) => name.startsWith(start) && endsIn(name, start.length, [...rest, end]);
}

/** Each part as early as it comes, the last one at the very end: linear in the name. */
function endsIn(name: string, from: number, parts: readonly string[]): boolean {
  let place = from;
  for (const part of parts.slice(0, -1)) {
    const found = name.indexOf(part, place);
    if (found < 0) return false;
    place = found + part.length;
  }
  const end = parts.at(-1) as string;
  return name.length - end.length >= place && name.endsWith(end);
}
