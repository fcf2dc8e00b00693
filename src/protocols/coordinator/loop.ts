/**
 * A named background loop: runs its work every interval, and at once when poked, never twice at a time.
 *
 * ```
 *            ┌────────── interval, or poke ──────────┐
 *   idle ────▶ running ──── ok or error ────▶ idle ──┘        stop ─▶ stopped (after the run in hand)
 * ```
 *
 * Its numbers show in `/status`: a loop is `degraded` when fewer than half of its runs succeed (a
 * fraction, 0–1), `error` after five failures in a row. An error is counted and told, never thrown.
 */
import type { Clock, Milliseconds } from '../../log/time.ts';

const ERRORS_IN_A_ROW_MAX = 5;
const SUCCESS_FRACTION_MIN = 0.5;

export interface LoopStatus {
  readonly name: string;
  readonly status: 'running' | 'degraded' | 'error' | 'stopped';
  readonly runs: number;
  readonly errors: number;
  readonly consecutive_errors: number;
  /** 0–1; 1 while it never ran. */
  readonly success_fraction: number;
  readonly last_error: string | null;
  readonly last_duration_ms: number | null;
  readonly interval_ms: number;
}

export interface LoopOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly interval: Milliseconds;
  readonly run: () => Promise<void>;
  readonly onError?: (error: unknown) => void;
}

export class Loop {
  readonly #options: LoopOptions;
  #state: 'idle' | 'running' | 'stopped' = 'idle';
  #cancel: () => void = () => undefined;
  #current: Promise<void> = Promise.resolve();
  #again = false;
  #runs = 0;
  #errors = 0;
  #consecutive = 0;
  #lastError: string | null = null;
  #lastDuration: number | null = null;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** Begins; the first run comes after one interval. */
  start(): this {
    this.#sleep(this.#options.interval);
    return this;
  }

  /** Runs now, or once more right after the run in hand. */
  poke(): void {
    if (this.#state === 'running') this.#again = true;
    if (this.#state === 'idle') this.#begin();
  }

  /** Runs no more; resolves when the run in hand is over. */
  async stop(): Promise<void> {
    this.#cancel();
    this.#again = false;
    const current = this.#current;
    this.#state = 'stopped';
    await current;
  }

  status(): LoopStatus {
    const fraction = this.#runs === 0 ? 1 : (this.#runs - this.#errors) / this.#runs;
    return {
      name: this.#options.name,
      status: this.#health(fraction),
      runs: this.#runs,
      errors: this.#errors,
      consecutive_errors: this.#consecutive,
      success_fraction: fraction,
      last_error: this.#lastError,
      last_duration_ms: this.#lastDuration,
      interval_ms: this.#options.interval,
    };
  }

  #health(fraction: number): LoopStatus['status'] {
    if (this.#state === 'stopped') return 'stopped';
    if (this.#consecutive >= ERRORS_IN_A_ROW_MAX) return 'error';
    return fraction < SUCCESS_FRACTION_MIN ? 'degraded' : 'running';
  }

  #sleep(delay: Milliseconds): void {
    this.#cancel();
    this.#cancel = this.#options.clock.after(delay, () => this.poke());
  }

  #begin(): void {
    this.#cancel();
    this.#state = 'running';
    this.#current = this.#run();
  }

  async #run(): Promise<void> {
    const started = this.#options.clock.monotonic();
    try {
      await this.#options.run();
      this.#consecutive = 0;
    } catch (error) {
      this.#failed(error);
    }
    this.#runs += 1;
    this.#lastDuration = this.#options.clock.monotonic() - started;
    this.#rest();
  }

  #failed(error: unknown): void {
    this.#errors += 1;
    this.#consecutive += 1;
    this.#lastError = said(error);
    this.#options.onError?.(error);
  }

  #rest(): void {
    if (this.#state === 'stopped') return;
    this.#state = 'idle';
    this.#sleep(this.#again ? 0 : this.#options.interval);
    this.#again = false;
  }
}

/** Whatever was thrown, as text: some things cannot even be turned into a string. */
function said(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'an error without words';
  }
}
