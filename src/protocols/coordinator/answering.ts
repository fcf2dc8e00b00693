/**
 * Commands of callers: proposed once, and answered with what they led to when they were applied here. One
 * that may be a retry is answered from memory, or told to wait for its first attempt.
 *
 * ```
 *  command ─▶ known? ─▶ in flight? ─▶ engine ─▶ committed, applied ─▶ outcome
 *               └─ yes: its outcome   └─ yes: `idempotency-in-flight`
 * ```
 */
import { type Command, encodeCommand, packr } from '../../log/command.ts';
import type { Milliseconds } from '../../log/time.ts';
import type { Traffic } from '../../log/traffic.ts';
import type { Machine } from '../../projections/machine.ts';
import type { Outcome, Replayed } from '../../projections/outcome.ts';
import type { Engine } from '../engine.ts';
import type { Answer } from './answer.ts';
import type { History } from './history.ts';
import { InFlight } from './in-flight.ts';

/** Outcomes kept for the callers that are about to be answered: more than one batch of the log can hold. */
const RECENT = 2048;

export interface AnsweringOptions {
  readonly machine: Machine;
  readonly history: History;
  readonly engine: () => Engine;
  /** Log time. */
  readonly now: () => Milliseconds;
}

interface Decided {
  readonly index: number;
  readonly outcome: Outcome;
}

interface Standing {
  readonly index: number;
  readonly term: number;
}

export class Answering {
  readonly #options: AnsweringOptions;
  readonly #inFlight = new InFlight();
  readonly #recent: (Decided | undefined)[] = Array.from({ length: RECENT });

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  /** What an entry led to, for whoever waits for it. */
  note(index: number, outcome: Outcome): void {
    this.#recent[index % RECENT] = { index, outcome };
  }

  propose(command: Command, traffic: Traffic): Promise<Answer> {
    return command.once === undefined
      ? this.#proposeOnce(command, traffic)
      : this.#proposeMarked(command, traffic);
  }

  /** One that may be a retry: answered from memory, or told to wait for its first attempt. */
  async #proposeMarked(command: Command, traffic: Traffic): Promise<Answer> {
    const known = this.#options.machine.recognise(command, this.#options.now());
    if (known !== undefined) return this.#answerFrom(this.#options.machine.position, known);
    if (!this.#inFlight.enter(command)) return { kind: 'refused', code: 'idempotency-in-flight' };
    try {
      return await this.#proposeOnce(command, traffic);
    } finally {
      this.#inFlight.leave(command);
    }
  }

  async #proposeOnce(command: Command, traffic: Traffic): Promise<Answer> {
    const proposed = await this.#options.engine().propose(encodeCommand(command), traffic);
    if (proposed.kind !== 'committed') return proposed;
    const outcome = this.#taken(proposed.index);
    // Not there: apply stopped at a fault. It is committed, and its outcome is for another build to say.
    return outcome === undefined ? { kind: 'unknown' } : this.#answerFrom(proposed, outcome);
  }

  /** Asked for once, by whom it concerns; let go of at once, so that it dies young. */
  #taken(index: number): Outcome | undefined {
    const place = index % RECENT;
    const applied = this.#recent[place];
    if (applied?.index !== index) return undefined;
    this.#recent[place] = undefined;
    return applied.outcome;
  }

  #answerFrom({ index, term }: Standing, outcome: Outcome): Answer | Promise<Answer> {
    return outcome.kind === 'replayed'
      ? this.#firstAnswer(outcome, term)
      : { kind: 'answered', index, term, outcome, replayed: false };
  }

  /** What the command led to when it was applied. */
  async #firstAnswer({ of: index }: Replayed, term: number): Promise<Answer> {
    const outcome = packr.unpack(await this.#options.history.outcome(index)) as Exclude<
      Outcome,
      Replayed
    >;
    return { kind: 'answered', index, term, outcome, replayed: true };
  }
}
