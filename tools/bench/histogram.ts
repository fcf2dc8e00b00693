/**
 * Latencies in log-linear buckets, as HdrHistogram (Gil Tene) has them: 64 buckets to each power of two
 * of microseconds, so any value is known to 1.6 %, in 16 KiB, whatever the number of values.
 */
const SUB = 64;
const POWERS = 32;

function bucketOf(microseconds: number): number {
  const value = Math.max(1, Math.floor(microseconds));
  if (value < SUB) return value;
  const power = 31 - Math.clz32(value) - 6;
  return power * SUB + (value >>> power);
}

/** The middle of a bucket, microseconds. */
function valueOf(bucket: number): number {
  if (bucket < SUB) return bucket;
  const power = Math.floor(bucket / SUB) - 1;
  return (bucket - power * SUB + 0.5) * 2 ** power;
}

export class Histogram {
  readonly #counts = new Float64Array(SUB * POWERS);
  #total = 0;

  record(milliseconds: number): void {
    const bucket = bucketOf(Math.min(milliseconds * 1000, 2 ** 31 - 1));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
  }

  get count(): number {
    return this.#total;
  }

  /** @param share like 0.99 @returns milliseconds; NaN while nothing was recorded */
  quantile(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.#total));
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return valueOf(bucket) / 1000;
    }
    return Number.NaN;
  }

  toJSON(): { readonly count: number; readonly p50: number; readonly p99: number; max: number } {
    return {
      count: this.#total,
      p50: this.quantile(0.5),
      p99: this.quantile(0.99),
      max: this.quantile(1),
    };
  }
}
