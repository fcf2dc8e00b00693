/**
 * Commands of callers: proposed once, and answered with what they led to when they were applied here. One
 * that may be a retry is answered from memory, or told to wait for its first attempt.
 *
 * ```
 *  command ─▶ known? ─▶ in flight? ──────────────▶ engine ─▶ committed, applied ─▶ outcome
 *               └─ yes: its outcome   └─ yes:        ▲  └─ nobody leads, or not whom it was sent to
 *                  `idempotency-in-flight`           └───── the next leader, while patience lasts
 * ```
 *
 * What an engine refuses was not appended, so it may be proposed again. What may have been appended is
 * proposed again only where the log would know it as the same: with a key, or in a session.
 */
import { type Command, encodeCommand, packr } from '../../log/command.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { Traffic } from '../../log/traffic.ts';
import type { Machine } from '../../projections/machine.ts';
import type { Outcome, Replayed } from '../../projections/outcome.ts';
import type { Engine, EngineRefusal, Proposed } from '../engine.ts';
import type { Answer } from './answer.ts';
import type { History } from './history.ts';
import { InFlight } from './in-flight.ts';
import { LeaderWait } from './leader-wait.ts';

/** Outcomes kept for the callers that are about to be answered: more than one batch of the log can hold. */
const RECENT = 2048;

export interface AnsweringOptions {
  readonly machine: Machine;
  readonly history: History;
  readonly engine: () => Engine;
  readonly clock: Clock;
  /** Log time. */
  readonly now: () => Milliseconds;
}

interface Decided {
  readonly index: number;
  readonly outcome: Outcome;
}

interface Asked {
  readonly command: Command;
  readonly traffic: Traffic;
  /** On the monotonic clock. */
  readonly until: Milliseconds;
}

interface Standing {
  readonly index: number;
  readonly term: number;
}

export class Answering {
  readonly #options: AnsweringOptions;
  readonly #inFlight = new InFlight();
  readonly #leader: LeaderWait;
  /** Proposals under way. */
  #underWay = 0;
  readonly #recent: (Decided | undefined)[] = Array.from({ length: RECENT });

  constructor(options: AnsweringOptions) {
    this.#options = options;
    const isLed = (): boolean => options.engine().status().leader_id !== undefined;
    this.#leader = new LeaderWait({ clock: options.clock, isLed });
  }

  /** What an entry led to, for whoever waits for it. While nobody waits here, as on most followers, it is not kept. */
  note(index: number, outcome: Outcome): void {
    if (this.#underWay === 0) return;
    this.#recent[index % RECENT] = { index, outcome };
  }

  /** @param patience how long the next leader is waited for */
  propose(command: Command, traffic: Traffic, patience: Milliseconds): Promise<Answer> {
    const until = this.#options.clock.monotonic() + patience;
    const asked = { command, traffic, until };
    return command.once === undefined ? this.#proposeOnce(asked) : this.#proposeMarked(asked);
  }

  /** Who waits for a leader is sent away. */
  stop(): void {
    this.#leader.stop();
  }

  /** One that may be a retry: answered from memory, or told to wait for its first attempt. */
  async #proposeMarked(asked: Asked): Promise<Answer> {
    const { command } = asked;
    const known = await this.#known(command);
    if (known !== undefined) return this.#answerFrom(this.#options.machine.position, known);
    if (!this.#inFlight.enter(command)) return { kind: 'refused', code: 'idempotency-in-flight' };
    try {
      return await this.#proposeOnce(asked);
    } finally {
      this.#inFlight.leave(command);
    }
  }

  /**
   * What is remembered of a command stays so. That it cannot be new, because nothing is remembered of its
   * session, is believed only where everything is applied: this node may be behind.
   */
  async #known(command: Command): Promise<Outcome | undefined> {
    const known = this.#recognised(command);
    if (known?.kind !== 'refused') return known;
    const { kind } = await this.#options.engine().read();
    return kind === 'at' ? this.#recognised(command) : undefined;
  }

  #recognised(command: Command): Outcome | undefined {
    return this.#options.machine.recognise(command, this.#options.now());
  }

  /** One promise after the engine's: this is what every command costs. */
  #proposeOnce(asked: Asked): Promise<Answer> {
    this.#underWay += 1;
    return this.#attempt(asked).then(
      (proposed) => this.#attempted(asked, proposed),
      (fault: unknown) => {
        this.#underWay -= 1;
        throw fault;
      },
    );
  }

  #attempted(asked: Asked, proposed: Proposed): Answer | Promise<Answer> {
    if (mayRepeat(asked.command, proposed)) return this.#attemptAgain(asked, proposed);
    this.#underWay -= 1;
    return this.#answerTo(proposed);
  }

  /** As long as patience lasts. */
  async #attemptAgain(asked: Asked, first: Proposed): Promise<Answer> {
    let proposed = first;
    try {
      while (mayRepeat(asked.command, proposed) && (await this.#leader.again(asked.until)))
        proposed = following(proposed, await this.#attempt(asked));
    } finally {
      this.#underWay -= 1;
    }
    return this.#answerTo(proposed);
  }

  #answerTo(proposed: Proposed): Answer | Promise<Answer> {
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

  /** Encoded anew each time: the frame of an earlier attempt may have got a place in the log already. */
  #attempt({ command, traffic }: Asked): Promise<Proposed> {
    try {
      return this.#options.engine().propose(encodeCommand(command), traffic);
    } catch (fault) {
      return Promise.reject(fault);
    }
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

/** Whether the next leader may be asked the same without doing it twice. */
function mayRepeat({ once }: Command, proposed: Proposed): boolean {
  if (proposed.kind === 'unknown') return once !== undefined;
  return proposed.kind === 'refused' && NOBODY_LEADS.includes(proposed.code);
}

const NOBODY_LEADS: readonly EngineRefusal[] = ['not-leader', 'no-leader'];

/** What an attempt left open, the refusal of the next one does not settle. */
function following(before: Proposed, next: Proposed): Proposed {
  return before.kind === 'unknown' && next.kind === 'refused' ? before : next;
}
