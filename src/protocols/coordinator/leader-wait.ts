/**
 * Those whose proposal met a change of leaders, waiting for the next one. There is one timer for all of
 * them, and it runs only while somebody waits.
 *
 * ```
 *   refused ─▶ waits ──a leader is known──▶ may propose again
 *                └────its patience ends──▶ goes away with the refusal
 * ```
 */
import type { Clock, Milliseconds } from '../../log/time.ts';

/** How often it is looked whether somebody leads; a term begins with a message or two. */
const LOOK_MS: Milliseconds = 20;
/** Callers that wait at once; one more is not kept waiting. */
const WAITING_MAX = 10_000;

interface Waiting {
  /** On the monotonic clock. */
  readonly until: Milliseconds;
  readonly go: (again: boolean) => void;
}

export interface LeaderWaitOptions {
  readonly clock: Clock;
  readonly isLed: () => boolean;
}

export class LeaderWait {
  readonly #options: LeaderWaitOptions;
  #waiting: Waiting[] = [];
  #cancel: () => void = () => undefined;
  #stopped = false;

  constructor(options: LeaderWaitOptions) {
    this.#options = options;
  }

  /**
   * Never at once: a leader that has just refused may be known as one for a moment longer.
   * @param until on the monotonic clock
   * @returns whether it is worth proposing again
   */
  again(until: Milliseconds): Promise<boolean> {
    if (this.#stopped || this.#waiting.length >= WAITING_MAX) return Promise.resolve(false);
    if (this.#options.clock.monotonic() >= until) return Promise.resolve(false);
    return new Promise((go) => {
      this.#waiting.push({ until, go });
      if (this.#waiting.length === 1) this.#lookSoon();
    });
  }

  /** Nobody is kept waiting any more. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#cancel();
    for (const { go } of this.#waiting) go(false);
    this.#waiting = [];
  }

  #lookSoon(): void {
    this.#cancel = this.#options.clock.after(LOOK_MS, () => this.#look());
  }

  #look(): void {
    const isLed = this.#options.isLed();
    const now = this.#options.clock.monotonic();
    const isReady = ({ until }: Waiting): boolean => isLed || now >= until;
    const ready = this.#waiting.filter(isReady);
    this.#waiting = this.#waiting.filter((waiting) => !isReady(waiting));
    if (this.#waiting.length > 0) this.#lookSoon();
    for (const { go } of ready) go(isLed);
  }
}
