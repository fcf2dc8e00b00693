/**
 * Turns: work of which only a few may run at once, such as opening groups. Whoever is waited for goes
 * before what is only tidied up.
 *
 * ```
 *  urgent ──▶ ┌───────┐
 *             │ queue │──▶ at most AT_ONCE run ──▶ done: the next one
 *  patient ─▶ └───────┘
 * ```
 *
 * The queues are bounded by what may ask: each group waits for one turn at a time.
 */
import { Deque } from '../../log/deque.ts';

export type Urgency = 'urgent' | 'patient';

export class Turns {
  readonly #atOnce: number;
  readonly #waiting = { urgent: new Deque<() => void>(), patient: new Deque<() => void>() };
  #running = 0;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.urgent.length + this.#waiting.patient.length;
  }

  /** Runs `work` when its turn has come; settles as it does. */
  async take<Value>(urgency: Urgency, work: () => Promise<Value>): Promise<Value> {
    await this.#turn(urgency);
    try {
      return await work();
    } finally {
      this.#pass();
    }
  }

  #turn(urgency: Urgency): Promise<void> {
    if (this.#running === this.#atOnce)
      return new Promise((resolve) => this.#waiting[urgency].push(resolve));
    this.#running += 1;
    return Promise.resolve();
  }

  /** The turn goes to the next one, or nobody has it. */
  #pass(): void {
    const next = this.#waiting.urgent.shift() ?? this.#waiting.patient.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
