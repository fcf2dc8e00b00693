/**
 * How far the heap of a node may grow between two collections of all of it.
 *
 * ```
 *  left to itself   lives 70 MB ──▶ collected at 200–300 MB     V8 trades memory for time, up to fourfold
 *  here             lives 70 MB ──▶ may grow to 118 MB          by ROOM_BYTES
 *                   lives 150 MB ─▶ may grow to 210 MB          by GROWTH_PERCENT
 * ```
 *
 * What is young comes on top of it.
 *
 * What a node keeps is mostly text of items that are over, which costs the collector little to pass by: so
 * where much lives, the memory is worth more than the few percent of time that collecting oftener costs.
 * Where little lives it is the other way round: a bound in percent alone would collect a small heap all the
 * time, on threads that the node's callers need: 40 percent of 30 MB were five times as many collections, and
 * a quarter of the CPU of a command over HTTP.
 */
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

const MIB = 1024 * 1024;
/** A heap may always grow by as much as this, */
const ROOM_BYTES = 48 * MIB;
/** and by this part of what lives. Below 40 hardly any memory is won any more. */
const GROWTH_PERCENT = 40;
/** No collection at all for too long would leave the first one too much to do. */
const GROWTH_PERCENT_MAX = 400;

/** By how many percent of what lives the heap may grow. */
export function growthPercent(livingBytes: number): number {
  const room = Math.round((100 * ROOM_BYTES) / livingBytes);
  return Math.min(Math.max(room, GROWTH_PERCENT), GROWTH_PERCENT_MAX);
}

/** For the rest of this process: looked at again after every collection of the whole heap. */
export function boundHeapGrowth(): void {
  bound();
  new PerformanceObserver((list) => {
    if (list.getEntries().some(wasOfAll)) bound();
  }).observe({ entryTypes: ['gc'] });
}

function bound(): void {
  const percent = growthPercent(getHeapStatistics().used_heap_size);
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}

type Collection = PerformanceEntry & { readonly detail: { readonly kind?: number } };

function wasOfAll(entry: PerformanceEntry): boolean {
  return (entry as Collection).detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}
