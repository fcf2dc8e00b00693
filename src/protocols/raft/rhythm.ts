/**
 * The common rhythm of a node's groups. Each could take what happened to it at the end of a turn of its own,
 * and be woken in a turn of its own; here they share both, so that what many groups have to say at one time can
 * leave together.
 *
 * ```
 *   something happened in a, b, c ─▶ end of the turn: a, b and c take ─▶ what they say leaves
 *   a and b are due ───────────────▶ what has arrived is heard first ──▶ a and b are woken
 * ```
 *
 * Who is due at about the same time is due at once, since the clock of a node has one timer (`timer-wheel.ts`).
 */
import type { Clock, Milliseconds } from '../../log/time.ts';

/** As often as the one timer of a node comes. */
const TICK_MS: Milliseconds = 10;
/**
 * The clock below looks at the time anew, a moment later, and wakes at its own ticks: whoever aimed at one exactly
 * would be a moment too late for it, and wait for the next.
 */
const AIM_MS: Milliseconds = 0.1;

export interface RhythmOptions {
  readonly clock: Clock;
  readonly breathe: () => Promise<void>;
  /** Whoever is due is woken at the next multiple of this: so much later at most. Unless said, as the clock has it. */
  readonly tick?: Milliseconds;
  /** All that were to take in this turn have taken. */
  readonly onTurned: () => void;
}

type Task = () => void;
/** Is told how late it comes, counted from its tick: waiting for that is no lateness. */
type Wake = (late: Milliseconds) => void;
/** Each is a thing of its own, though tasks be the same. */
interface Due {
  readonly task: Wake;
  readonly at: Milliseconds;
  isCalledOff: boolean;
}

export class Rhythm {
  readonly #options: RhythmOptions;
  readonly #tick: Milliseconds;
  #taking: Task[] = [];
  #isTurning = false;
  /** Their time has come; they are woken when what has arrived is heard. */
  #due: Due[] = [];

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

  /** Runs `task` at the first tick after `delay`, when what has arrived by then is heard. @returns the way to call it off */
  after(delay: Milliseconds, task: Wake): () => void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    const at = Math.ceil((now + delay) / this.#tick) * this.#tick;
    const due = { task, at, isCalledOff: false };
    const cancel = clock.after(Math.max(0, at - now - AIM_MS), () => this.#wakeSoon(due));
    return () => {
      due.isCalledOff = true;
      cancel();
    };
  }

  /** Whoever is late for having had no time hears what came meanwhile before it counts the silence. */
  #wakeSoon(due: Due): void {
    this.#due.push(due);
    if (this.#due.length === 1) void this.#options.breathe().then(() => this.#wake());
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

  #wake(): void {
    const due = this.#due;
    this.#due = [];
    const now = this.#options.clock.monotonic();
    for (const { task, at, isCalledOff } of due) if (!isCalledOff) task(now - at);
  }
}
