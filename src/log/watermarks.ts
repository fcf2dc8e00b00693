/**
 * Watches how full the file system is. From 85 % on the level is THROTTLE; from 92 % on everything but
 * CONTROL is refused, so that completions, expiry and trimming can still go on; only a failed write
 * stops the node.
 */
import { statfs } from 'node:fs/promises';
import type { Clock, Milliseconds } from './time.ts';
import type { Level } from './traffic.ts';

/** Shares of the file system, 0 to 1. */
export interface DiskBounds {
  readonly throttle: number;
  readonly refuse: number;
}

export const DISK_BOUNDS: DiskBounds = { throttle: 0.85, refuse: 0.92 };

/** How long a measurement is believed. */
export const DISK_POLL_MS: Milliseconds = 5_000;

/** The share in use of the file system that holds `directory`, 0 to 1. */
export type DiskGauge = (directory: string) => Promise<number>;

/** As `df` counts: what is reserved for root is not available to us. */
export const fileSystemShare: DiskGauge = async (directory) => {
  const { blocks, bfree, bavail } = await statfs(directory);
  const used = blocks - bfree;
  return used + bavail === 0 ? 0 : used / (used + bavail);
};

export interface WatermarkOptions {
  readonly directory: string;
  readonly gauge: DiskGauge;
  readonly bounds: DiskBounds;
  readonly clock: Clock;
}

export class Watermarks {
  readonly #options: WatermarkOptions;
  #share = 0;
  #cancel: () => void = () => undefined;
  #measuring: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: WatermarkOptions) {
    this.#options = options;
  }

  /** The last measured share. It stays when a measurement fails: a write would tell. */
  get share(): number {
    return this.#share;
  }

  get level(): Level {
    const { throttle, refuse } = this.#options.bounds;
    if (this.#share >= refuse) return 'reject';
    return this.#share >= throttle ? 'throttle' : 'none';
  }

  /** Measures now, then every DISK_POLL_MS until `stop`. */
  start(): Promise<void> {
    this.#measuring = this.#measure();
    return this.#measuring;
  }

  /** Leaves no timer and no measurement behind. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#measuring;
  }

  async #measure(): Promise<void> {
    const { gauge, directory, clock } = this.#options;
    this.#share = await gauge(directory).catch(() => this.#share);
    if (this.#stopped) return;
    this.#cancel = clock.after(DISK_POLL_MS, () => {
      this.#measuring = this.#measure();
    });
  }
}
