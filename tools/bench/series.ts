/** Figures of repeated rounds: the median speaks, the spread says how far to trust it. */

export interface Series {
  readonly rounds: readonly number[];
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function series(rounds: readonly number[]): Series {
  const sorted = [...rounds].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted[sorted.length % 2 === 0 ? middle - 1 : middle] ?? Number.NaN;
  return {
    rounds,
    median: (lower + upper) / 2,
    least: sorted[0] ?? Number.NaN,
    most: sorted.at(-1) ?? Number.NaN,
  };
}

/** Round by round: machines drift, so figures are divided only by what was measured beside them. */
export function ratios(ours: readonly number[], theirs: readonly number[]): Series {
  return series(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}
