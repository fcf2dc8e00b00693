/**
 * How long things took, as histograms in the text format of Prometheus (version 0.0.4):
 *
 * ```
 *  quorate_commit_duration_seconds_bucket{le="0.001"} 17
 *  quorate_commit_duration_seconds_sum 0.0121
 *  quorate_commit_duration_seconds_count 20
 * ```
 *
 * Every request and every commit is observed: it costs a look-up and a few additions, and nothing is
 * written out before somebody asks.
 */

/** Upper bounds of the buckets, seconds; what is longer counts in the last one. */
const BOUNDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
] as const;

/** Durations with the same labels. */
class Series {
  readonly #counts: number[] = [...BOUNDS, 0].fill(0);
  #sum = 0;

  observe(seconds: number): void {
    let bucket = 0;
    while (seconds > (BOUNDS[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += seconds;
  }

  /** @param labels like `method="GET",status="200"`, or nothing */
  lines(name: string, labels: string): readonly string[] {
    const before = labels === '' ? '' : `${labels},`;
    const all = labels === '' ? '' : `{${labels}}`;
    let count = 0;
    const buckets = this.#counts.map((own, place) => {
      count += own;
      return `${name}_bucket{${before}le="${BOUNDS[place] ?? '+Inf'}"} ${count}`;
    });
    return [...buckets, `${name}_sum${all} ${this.#sum}`, `${name}_count${all} ${count}`];
  }
}

export class Durations {
  readonly #name: string;
  readonly #help: string;
  /** By their labels; as many as there are, so labels come from what this service knows, not from callers. */
  readonly #series = new Map<string, Series>();

  constructor(name: string, help: string) {
    this.#name = name;
    this.#help = help;
  }

  observe(labels: string, milliseconds: number): void {
    const seconds = milliseconds / 1000;
    const known = this.#series.get(labels);
    if (known !== undefined) return known.observe(seconds);
    const series = new Series();
    this.#series.set(labels, series);
    series.observe(seconds);
  }

  text(): string {
    const head = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} histogram`];
    const lines = [...this.#series].flatMap(([labels, series]) => series.lines(this.#name, labels));
    return [...head, ...lines, ''].join('\n');
  }
}
