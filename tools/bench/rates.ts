/** What a round cost, per operation: counters of one node or of several, before and after what was measured. */
import type { Latencies, LoadNews } from './load.ts';

/** Read at one moment. */
export interface Counters {
  /** CPU seconds of the nodes. */
  readonly cpu: number;
  /** Batches the nodes made durable, as they count them. */
  readonly syncs: number;
  /** Flushes of all disks, as the kernel counts them. */
  readonly flushes: number;
}

export interface Rates {
  readonly perSecond: number;
  readonly latencies: Latencies;
  /** CPU of all nodes together, µs per operation. */
  readonly nodesCpu: number;
  /** The same of the load. */
  readonly loadCpu: number;
  /** Per operation. */
  readonly syncs: number;
  readonly flushes: number;
}

type Measured = Extract<LoadNews, { readonly kind: 'measured' }>;

export function ratesOf(before: Counters, after: Counters, measured: Measured): Rates {
  const { done, elapsedMs, cpu, latencies } = measured;
  return {
    perSecond: (done / elapsedMs) * 1000,
    latencies,
    nodesCpu: ((after.cpu - before.cpu) / done) * 1e6,
    loadCpu: (cpu / done) * 1e6,
    syncs: (after.syncs - before.syncs) / done,
    flushes: (after.flushes - before.flushes) / done,
  };
}
