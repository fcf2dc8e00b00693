/**
 * Pipelined proposals of one connection: proposed in the order they came, answered as they are applied,
 * the answers of one turn together.
 *
 * ```
 *  propose {ref, …} ─▶ prepared? ─▶ under way (≤ 4 096) ─▶ proposed {ref, index, term, outcome, facts}
 *                         └───────────────┴──────────────▶ refused {ref, problem}
 * ```
 *
 * A client that sends frames as arrays gets its answers as arrays. One that asked for brief answers is not told
 * again what it said itself: no facts, no results.
 */
import type { Command, RetryMark } from '../../log/command.ts';
import type { Clock } from '../../log/time.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import { below } from '../faults.ts';
import { fingerprint } from '../fingerprint.ts';
import { answered, type Answered, LOOPBACK_ACTOR, prepare, type Written } from '../proposal.ts';
import { problem, type Problem } from '../wire/problem.ts';
import type { Propose } from './messages.ts';
import type { Outlet } from './outlet.ts';

/** Proposals of one connection that may be under way; one more is refused with `backpressure`. */
const IN_FLIGHT_MAX = 4096;
/** Answers are sent before the turn ends once there are so many characters of them. */
const ANSWERS_LENGTH_MAX = 256 * 1024;

const PLACES = { type: '/type', data: below('/data') };

/** How much a client is told of what its proposals led to. */
export type Answers = 'full' | 'brief';

const TELLING: { readonly [Kind in Answers]: (written: Written) => object } = {
  full: (written) => written,
  brief: ({ index, term, outcome, of, token }) => ({ index, term, outcome, of, token }),
};

interface ProposalsOptions {
  readonly group: Group;
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly answers: Answers;
  readonly onCommitted: (milliseconds: number) => void;
}

export class Proposals {
  readonly #options: ProposalsOptions;
  readonly #group: Group;
  readonly #outlet: Outlet;
  readonly #telling: (written: Written) => object;
  #underWay = 0;
  #answersAsArrays = false;
  #answers: string[] = [];
  #length = 0;
  #isFlushing = false;
  #idle: () => void = () => undefined;
  /** Told when the first proposal of the frame in hand is answered. */
  #timed: (() => void) | undefined;

  constructor(options: ProposalsOptions) {
    this.#options = options;
    this.#group = options.group;
    this.#outlet = options.outlet;
    this.#telling = TELLING[options.answers];
  }

  /** Takes what one frame brought. */
  take(messages: readonly Propose[], isArray: boolean): void {
    this.#answersAsArrays ||= isArray;
    const { clock, onCommitted } = this.#options;
    const started = clock.monotonic();
    this.#timed = () => onCommitted(clock.monotonic() - started);
    for (const message of messages) this.#propose(message);
  }

  /** Resolves when everything under way has been answered. */
  async idle(): Promise<void> {
    if (this.#underWay > 0)
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    this.#flush();
  }

  /** Answers what is under way to nobody. */
  stop(): void {
    this.#answers = [];
  }

  #propose(message: Propose): void {
    const { ref } = message;
    if (this.#underWay >= IN_FLIGHT_MAX) return this.#refuse(ref, crowded());
    const prepared = prepare(this.#group, message, PLACES);
    if (prepared.kind === 'problem') return this.#refuse(ref, prepared.problem);
    const { data, rule } = prepared;
    this.#underWay += 1;
    const timed = this.#timed;
    this.#timed = undefined;
    this.#group.propose(commandOf(message, data), rule.traffic).then(
      (answer) => {
        timed?.();
        this.#settle(ref, answered(answer));
      },
      () => this.#settle(ref, FAILED),
    );
  }

  #settle(ref: Propose['ref'], result: Answered): void {
    this.#underWay -= 1;
    if (result.kind === 'written') this.#answer('proposed', ref, this.#telling(result.written));
    else this.#refuse(ref, result.problem);
    if (this.#underWay === 0) this.#idle();
  }

  #refuse(ref: Propose['ref'], found: Problem): void {
    this.#answer('refused', ref, { problem: found });
  }

  /** The members come after kind and ref: written as text once, not copied into another object first. */
  #answer(kind: 'proposed' | 'refused', ref: Propose['ref'], members: object): void {
    const text = `{"kind":"${kind}","ref":${JSON.stringify(ref)},${JSON.stringify(members).slice(1)}`;
    this.#answers.push(text);
    this.#length += text.length;
    if (this.#length > ANSWERS_LENGTH_MAX) this.#flush();
    else this.#flushSoon();
  }

  /** Ticks come when no promise is left that could still be told: what is applied together is answered together. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    process.nextTick(() => this.#flush());
  }

  #flush(): void {
    const answers = this.#answers;
    this.#isFlushing = false;
    this.#answers = [];
    this.#length = 0;
    if (answers.length === 0) return;
    if (this.#answersAsArrays) this.#outlet.frame(`[${answers.join(',')}]`);
    else for (const answer of answers) this.#outlet.frame(answer);
  }
}

const FAILED: Answered = {
  kind: 'problem',
  problem: problem('internal', 'see the log of this node'),
  replayed: false,
};

function crowded(): Problem {
  return problem('backpressure', `at most ${IN_FLIGHT_MAX} proposals are under way at a time`);
}

/** The command as it goes into the log. `data` is what the schema made of the message's. */
function commandOf(message: Propose, data: Command['data']): Command {
  const { type } = message;
  const once = retryMark(message);
  return once === undefined
    ? { type, data, actor: LOOPBACK_ACTOR }
    : { type, data, actor: LOOPBACK_ACTOR, once };
}

function retryMark({ type, data, key, session, seq }: Propose): RetryMark | undefined {
  if (key !== undefined) return { key, print: fingerprint(JSON.stringify([type, data])) };
  return session === undefined || seq === undefined ? undefined : { session, seq };
}
