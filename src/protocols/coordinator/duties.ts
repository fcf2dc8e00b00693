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
import type { Clock } from '../../log/time.ts';
import type { Due, Duty } from '../../projections/projection.ts';

/** Entries that arrive together are looked at together. */
const LOOK_MS = 10;
/** After a refused round (backpressure, no leader). */
const RETRY_MS = 200;

export interface DutiesOptions {
  readonly clock: Clock;
  readonly isLeader: () => boolean;
  readonly due: (now: number) => Due;
  /** Proposes one duty; true when it was applied, whatever it led to. */
  readonly propose: (duty: Duty) => Promise<boolean>;
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
    const now = this.#options.clock.now();
    const { duties, next_at } = this.#options.due(now);
    if (duties.length > 0) this.#state = { kind: 'proposing', round: this.#propose(duties) };
    else if (next_at !== undefined) this.#lookIn(Math.max(LOOK_MS, next_at - now));
  }

  async #propose(duties: readonly Duty[]): Promise<void> {
    const applied = await Promise.all(duties.map((duty) => this.#options.propose(duty)));
    this.#rounds += 1;
    this.#proposed += duties.length;
    if (this.#state.kind === 'stopped') return;
    this.#state = IDLE;
    this.#lookIn(applied.every(Boolean) ? LOOK_MS : RETRY_MS);
  }
}
