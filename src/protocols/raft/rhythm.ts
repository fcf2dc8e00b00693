/**
 * The common rhythm of a node's groups. Each could take what happened to it at the end of a turn of its own,
 * and have a timer of its own; here they share both, so that what many groups have to say at one time can
 * leave together, and many timers cost no more than one.
 *
 * ```
 *   something happened in a, b, c ───────────▶ end of the turn: a, b and c take ─▶ what they say leaves
 *   a is due at 1 003, b at 1 007 ─▶ 1 010 ─▶ what has arrived is heard first ─▶ a and b are woken
 * ```
 */
import type { Clock, Milliseconds } from '../../log/time.ts';

const TICK_MS: Milliseconds = 10;

export interface RhythmOptions {
  readonly clock: Clock;
  readonly breathe: () => Promise<void>;
  /** Whoever is due is woken at the next multiple of this: so much later at most. Ten milliseconds, unless said. */
  readonly tick?: Milliseconds;
  /** All that were to take in this turn have taken. */
  readonly onTurned: () => void;
}

type Task = () => void;
/** Each is a thing of its own, though tasks be the same. */
type Woken = Set<{ readonly task: Task }>;

export class Rhythm {
  readonly #options: RhythmOptions;
  readonly #tick: Milliseconds;
  #taking: Task[] = [];
  #isTurning = false;
  /** Who is to be woken, by tick: as many as there are groups awake. */
  readonly #due = new Map<number, Woken>();
  /** The tick of the timer that runs. */
  #armed = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => undefined;

  constructor(options: RhythmOptions) {
    this.#options = options;
    this.#tick = options.tick ?? TICK_MS;
  }

  /** Whether those who take are taking just now. */
  get isTurning(): boolean {
    return this.#isTurning;
  }

  /** Runs `take` at the end of this turn of the event loop, with all others that wait for it. */
  soon(take: Task): void {
    this.#taking.push(take);
    if (this.#taking.length === 1) void this.#options.breathe().then(() => this.#turn());
  }

  /** Runs `task` at the first tick after `delay`. @returns the way to cancel it */
  after(delay: Milliseconds, task: Task): () => void {
    const tick = Math.ceil((this.#options.clock.monotonic() + delay) / this.#tick);
    const wanted = { task };
    const all = this.#due.get(tick) ?? new Set();
    this.#due.set(tick, all.add(wanted));
    if (tick < this.#armed) this.#arm(tick);
    return () => {
      if (all.delete(wanted)) this.#tidy(tick, all);
    };
  }

  #turn(): void {
    const taking = this.#taking;
    this.#taking = [];
    this.#isTurning = true;
    try {
      for (const take of taking) take();
    } finally {
      this.#isTurning = false;
      this.#options.onTurned();
    }
  }

  /** Nobody waits for this tick any more, perhaps; nor for any other. */
  #tidy(tick: number, all: Woken): void {
    if (all.size === 0 && this.#due.get(tick) === all) this.#due.delete(tick);
    if (this.#due.size === 0) this.#disarm();
  }

  #arm(tick: number): void {
    const { clock, breathe } = this.#options;
    this.#disarm();
    this.#armed = tick;
    const delay = Math.max(0, tick * this.#tick - clock.monotonic());
    // Whoever is late for having had no time hears what came meanwhile before it counts the silence.
    this.#cancel = clock.after(delay, () => void breathe().then(() => this.#wake()));
  }

  #disarm(): void {
    this.#cancel();
    this.#armed = Number.POSITIVE_INFINITY;
  }

  #wake(): void {
    const now = Math.floor(this.#options.clock.monotonic() / this.#tick);
    const ready = [...this.#due].filter(([tick]) => tick <= now);
    for (const [tick, tasks] of ready) {
      this.#due.delete(tick);
      for (const { task } of tasks) task();
    }
    this.#armNext();
  }

  #armNext(): void {
    const next = Math.min(...this.#due.keys());
    if (Number.isFinite(next)) this.#arm(next);
    else this.#disarm();
  }
}
