/**
 * The duties loop: what time itself asks for (expiries, activations, triggers) is proposed by the
 * leader as commands like any other. It knows no lease and no lock: it asks the machine what is due.
 *
 * ```
 *  applied ─▶ look (at most every LOOK_MS) ─▶ due(now)? ─▶ propose all, wait, look again
 *                        ▲                         │ nothing yet
 *                        └───── at next_at ◀───────┘
 * ```
 *
 * Late, early or double runs are harmless: every duty rechecks its deadline when it is applied.
 */
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { Due, Duty } from '../../projections/projection.ts';

/** Entries that arrive together are looked at together. */
const LOOK_MS = 10;
/** After a refused round (backpressure, no leader). */
const RETRY_MS = 200;
/** After a fault of a rule: it will most likely be there again, and every time it is told. */
const FAULT_MS = 5_000;

export interface DutiesOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** Log time: what deadlines are compared with. */
  readonly now: () => Milliseconds;
  readonly isLeader: () => boolean;
  readonly due: (now: number) => Due;
  /** Proposes one duty; true when it was applied, whatever it led to. */
  readonly propose: (duty: Duty) => Promise<boolean>;
  /** Told of what `due` or `propose` threw: a fault of one rule must not end the node (I11). */
  readonly onError: (error: unknown) => void;
}

type State =
  | { readonly kind: 'waiting'; readonly until: number; readonly cancel: () => void }
  | { readonly kind: 'proposing'; readonly round: Promise<void> }
  | { readonly kind: 'stopped' };

const IDLE: State = { kind: 'waiting', until: Number.POSITIVE_INFINITY, cancel: () => undefined };

export class Duties {
  readonly #options: DutiesOptions;
  #state: State = IDLE;
  #rounds = 0;
  #proposed = 0;

  constructor(options: DutiesOptions) {
    this.#options = options;
  }

  get status(): { readonly rounds: number; readonly proposed: number } {
    return { rounds: this.#rounds, proposed: this.#proposed };
  }

  /** Something was applied: what is due may have changed. */
  poke(): void {
    this.#lookIn(LOOK_MS);
  }

  async stop(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: 'stopped' };
    if (state.kind === 'waiting') state.cancel();
    if (state.kind === 'proposing') await state.round;
  }

  #lookIn(delay: number): void {
    const state = this.#state;
    const until = this.#options.clock.monotonic() + delay;
    if (state.kind !== 'waiting' || state.until <= until) return;
    state.cancel();
    this.#state = {
      kind: 'waiting',
      until,
      cancel: this.#options.clock.after(delay, () => this.#look()),
    };
  }

  #look(): void {
    this.#state = IDLE;
    if (!this.#options.isLeader()) return;
    const now = this.#options.now();
    try {
      this.#meet(this.#options.due(now), now);
    } catch (error) {
      this.#options.onError(error);
      this.#lookIn(FAULT_MS);
    }
  }

  #meet({ duties, next_at }: Due, now: Milliseconds): void {
    if (duties.length > 0) this.#state = { kind: 'proposing', round: this.#round(duties) };
    else if (next_at !== undefined) this.#lookIn(Math.max(LOOK_MS, next_at - now));
  }

  async #round(duties: readonly Duty[]): Promise<void> {
    const applied = await Promise.all(duties.map((duty) => this.#propose(duty)));
    this.#rounds += 1;
    this.#proposed += duties.length;
    if (this.#state.kind === 'stopped') return;
    this.#state = IDLE;
    this.#lookIn(applied.every(Boolean) ? LOOK_MS : RETRY_MS);
  }

  async #propose(duty: Duty): Promise<boolean> {
    try {
      return await this.#options.propose(duty);
    } catch (error) {
      this.#options.onError(error);
      return false;
    }
  }
}
