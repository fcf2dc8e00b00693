/**
 * Commands that came to a follower, carried to the leader and answered with what became of them.
 *
 * ```
 *  question  ["forward", group, incarnation, traffic, frame]
 *  answer    ["committed", index, term] | ["refused", code, leader or nil] | ["unknown"]
 * ```
 */
import type { GroupId } from '../../log/group.ts';
import { TRAFFIC, type Traffic } from '../../log/traffic.ts';
import type { Milliseconds } from '../../log/time.ts';
import type { EngineRefusal, Proposed } from '../engine.ts';
import type { Exchange } from './exchange.ts';
import { BadMessage, type Fields } from './fields.ts';

/** Longer than any caller waits: a link that drops ends it sooner. */
const FORWARD_MS: Milliseconds = 30_000;

const REFUSALS = [
  'backpressure',
  'too-large',
  'not-leader',
  'no-leader',
  'recovering',
  'shutting-down',
] as const satisfies readonly EngineRefusal[];

export interface ForwardingOptions {
  readonly exchange: Exchange;
  readonly group: GroupId;
  /** Proposes here, if this node leads; never forwards. */
  readonly propose: (frame: Buffer, traffic: Traffic) => Promise<Proposed>;
}

export class Forwarding {
  readonly #options: ForwardingOptions;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  /** @returns `unknown` where no answer came: the leader may have appended it */
  async forward(leader: string, frame: Buffer, traffic: Traffic): Promise<Proposed> {
    const { exchange, group } = this.#options;
    const values = [traffic, frame];
    try {
      return proposedIn(
        await exchange.ask(leader, { group, topic: 'forward', values }, FORWARD_MS),
      );
    } catch {
      return { kind: 'unknown' };
    }
  }

  async answer(question: Fields): Promise<readonly unknown[]> {
    const traffic = oneOf(TRAFFIC, question.text());
    // The bytes belong to the socket's buffer; the log keeps frames and writes into them.
    const frame = Buffer.from(question.bytes());
    const proposed = await this.#options.propose(frame, traffic);
    return valuesOf(proposed);
  }
}

function valuesOf(proposed: Proposed): readonly unknown[] {
  switch (proposed.kind) {
    case 'committed':
      return ['committed', proposed.index, proposed.term];
    case 'refused':
      return ['refused', proposed.code];
    default:
      return ['unknown'];
  }
}

function proposedIn(answer: Fields): Proposed {
  const kind = answer.text();
  if (kind === 'committed')
    return { kind: 'committed', index: answer.whole(), term: answer.whole() };
  if (kind === 'refused') return { kind: 'refused', code: oneOf(REFUSALS, answer.text()) };
  return { kind: 'unknown' };
}

function oneOf<Value extends string>(values: readonly Value[], text: string): Value {
  const found = values.find((value) => value === text);
  if (found === undefined) throw new BadMessage(`"${text}" is none of ${values.join(', ')}`);
  return found;
}
