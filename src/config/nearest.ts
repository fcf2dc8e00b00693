/** The word somebody probably meant: the nearest by Levenshtein distance, where one is near at all. */

/** A word is near when at most this share of its letters has to change; two swapped letters are two. */
const NEAR_SHARE = 0.5;

/** How many letters have to be inserted, removed or replaced to make one word of the other. */
export function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [place, letter] of one.split('').entries()) row = nextRow(row, place, letter, other);
  return row.at(-1) ?? 0;
}

function nextRow(above: readonly number[], place: number, letter: string, other: string): number[] {
  const row = [place + 1];
  for (const [at, otherLetter] of other.split('').entries()) {
    const replaced = cell(above, at) + Number(letter !== otherLetter);
    row.push(Math.min(replaced, cell(above, at + 1) + 1, cell(row, at) + 1));
  }
  return row;
}

function cell(row: readonly number[], at: number): number {
  return row[at] ?? Number.POSITIVE_INFINITY;
}

export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((name) => ({ name, distance: distance(word, name) }))
    .sort((one, other) => one.distance - other.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= word.length * NEAR_SHARE ? best.name : undefined;
}
