/**
 * How full the queue in front of the writer is, and who may still join it. The table of who is shed when
 * stands in `traffic.ts`; this file computes it.
 *
 * Nine tenths of the queue are for everybody; levels are shares of those. The last tenth is for CONTROL
 * alone. Whoever is not admitted is refused with `backpressure` before an index is given to the command.
 */
import { type Level, LEVELS, type Traffic } from './traffic.ts';

/** Entries that may wait for the disk; beyond it everything is refused. */
export const QUEUE_ENTRIES_MAX = 10_000;
/**
 * Entries of one group besides `main` that may wait for the disk: a batch full. Beyond it that group alone
 * is refused, so that a busy one leaves the queue to `main` and to its neighbours.
 */
export const GROUP_ENTRIES_MAX = 1_000;
/** Bytes of frames that may wait for the disk; beyond it everything is refused. */
export const QUEUE_BYTES_MAX = 64 * 1024 * 1024;

/** The nine tenths of the queue that are not CONTROL's own. */
const SHARED_ENTRIES = 0.9 * QUEUE_ENTRIES_MAX;
const SHARED_BYTES = 0.9 * QUEUE_BYTES_MAX;

const LOWER_BOUNDS: readonly (readonly [share: number, level: Level])[] = [
  [0.95, 'reject'],
  [0.85, 'batch'],
  [0.7, 'throttle'],
];

/** The level at a share of the nine tenths; a boundary belongs to the level above it. */
export function levelAt(share: number): Level {
  const reached = LOWER_BOUNDS.find(([bound]) => share >= bound);
  return reached === undefined ? 'none' : reached[1];
}

export function worse(one: Level, other: Level): Level {
  return LEVELS.indexOf(one) >= LEVELS.indexOf(other) ? one : other;
}

/** From which level on a class is shed. DISPATCH is accepted to the end of the nine tenths. */
const SHED_FROM: { readonly [T in Exclude<Traffic, 'control'>]: number } = {
  telemetry: LEVELS.indexOf('batch'),
  data: LEVELS.indexOf('reject'),
  dispatch: LEVELS.length,
};

/** Counts what waits for the disk. */
export class Backpressure {
  #entries = 0;
  #bytes = 0;
  #peak = 0;

  get entries(): number {
    return this.#entries;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The most entries that ever waited. */
  get peak(): number {
    return this.#peak;
  }

  get level(): Level {
    return levelAt(this.#share(0, 0));
  }

  joined(entries: number, bytes: number): void {
    this.#entries += entries;
    this.#bytes += bytes;
    if (this.#entries > this.#peak) this.#peak = this.#entries;
  }

  left(entries: number, bytes: number): void {
    this.#entries -= entries;
    this.#bytes -= bytes;
  }

  /** Whether a frame of this class and size may still join. */
  admits(traffic: Traffic, bytes: number): boolean {
    if (traffic === 'control') return this.#fits(bytes);
    if (this.#share(1, bytes) > 1) return false;
    return LEVELS.indexOf(this.level) < SHED_FROM[traffic];
  }

  #fits(bytes: number): boolean {
    return this.#entries < QUEUE_ENTRIES_MAX && this.#bytes + bytes <= QUEUE_BYTES_MAX;
  }

  /** The share of the nine tenths in use, if this much more were in the queue. */
  #share(entries: number, bytes: number): number {
    const byCount = (this.#entries + entries) / SHARED_ENTRIES;
    return Math.max(byCount, (this.#bytes + bytes) / SHARED_BYTES);
  }
}
