/** What the log tells `/status` and the metrics about its queue and its disk. Plain data, wire names. */
import type { Level, Traffic } from './traffic.ts';

export interface Usage {
  /** Entries and bytes of frames that wait for the disk now. */
  readonly entries: number;
  readonly bytes: number;
  readonly capacity: { readonly entries: number; readonly bytes: number };
  readonly level: Level;
  /** The share of the file system in use, 0 to 1; 0 until it was measured. */
  readonly disk_fraction: number;
  readonly disk_level: Level;
  readonly totals: Totals;
  readonly peak_queue: number;
  readonly peak_batch: number;
  readonly last_fsync_ms: number;
}

export interface Totals {
  /** Entries handed over, written, and refused admission. */
  readonly submitted: number;
  readonly written: number;
  readonly rejected: number;
  readonly batches: number;
  readonly bytes_written: number;
  readonly fsyncs: number;
  readonly submitted_by_traffic: Readonly<Record<Traffic, number>>;
}

/** One batch that reached the disk: for histograms. */
export interface BatchReport {
  readonly entries: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

/** Counts since the start of the process. */
export class Tally {
  readonly #submitted: Record<Traffic, number> = { control: 0, dispatch: 0, data: 0, telemetry: 0 };
  #written = 0;
  #batches = 0;
  #bytes = 0;
  #rejected = 0;
  #peakBatch = 0;
  #lastSync = 0;

  submitted(traffic: Traffic, entries: number): void {
    this.#submitted[traffic] += entries;
  }

  rejected(): void {
    this.#rejected += 1;
  }

  wrote({ entries, bytes, milliseconds }: BatchReport): void {
    this.#batches += 1;
    this.#written += entries;
    this.#bytes += bytes;
    this.#peakBatch = Math.max(this.#peakBatch, entries);
    this.#lastSync = milliseconds;
  }

  get peakBatch(): number {
    return this.#peakBatch;
  }

  get lastSync(): number {
    return this.#lastSync;
  }

  get totals(): Totals {
    const { control, dispatch, data, telemetry } = this.#submitted;
    return {
      submitted: control + dispatch + data + telemetry,
      written: this.#written,
      rejected: this.#rejected,
      batches: this.#batches,
      bytes_written: this.#bytes,
      fsyncs: this.#batches,
      submitted_by_traffic: { control, dispatch, data, telemetry },
    };
  }
}
