/**
 * What only the leader can do, asked for at a follower: carried to the leader and answered with what
 * became of it. And the digest of what another node decided, which anybody tells anybody.
 *
 * ```
 *  ["forward",  group, incarnation, traffic, frame]  ["committed", index, term] | ["refused", code] | ["unknown"]
 *  ["change",   group, incarnation, members]         ["changed", index] | ["refused", code, reason]
 *  ["digest",   group, incarnation, index]           [hex, or "" where it cannot tell]
 *  ["transfer", group, incarnation, node or ""]      ["changed", index] | ["refused", code, reason]
 * ```
 */
import type { GroupId } from '../../log/group.ts';
import { TRAFFIC, type Traffic } from '../../log/traffic.ts';
import type { Milliseconds } from '../../log/time.ts';
import {
  CHANGE_REFUSALS,
  type ConfigurationChange,
  type EngineRefusal,
  type Proposed,
} from '../engine.ts';
import type { WantedMembers } from './core/input.ts';
import { type Exchange, UNKNOWN_GROUP } from './exchange.ts';
import { NotSent } from '../transport/network.ts';
import { BadMessage, type Fields } from './fields.ts';

/** Longer than any caller waits: a link that drops ends it sooner. */
const FORWARD_MS: Milliseconds = 30_000;

const DIGEST_MS: Milliseconds = 2_000;

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
  /** Each of these acts here, if this node leads, and never forwards. */
  readonly propose: (frame: Buffer, traffic: Traffic) => Promise<Proposed>;
  readonly change: (wanted: WantedMembers) => Promise<ConfigurationChange>;
  readonly transfer: (to: string | undefined) => Promise<ConfigurationChange>;
  readonly digestAt: (index: number) => Promise<string>;
}

/** Nothing was appended anywhere. */
const NOBODY: Proposed = { kind: 'refused', code: 'no-leader' };

type Topic = (question: Fields) => Promise<readonly unknown[]>;

export class Forwarding {
  readonly #options: ForwardingOptions;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  /** @returns `unknown` where it left and no answer came: the leader may have appended it */
  async forward(leader: string, frame: Buffer, traffic: Traffic): Promise<Proposed> {
    const { exchange, group } = this.#options;
    const values = [traffic, frame];
    try {
      return proposedIn(
        await exchange.ask(leader, { group, topic: 'forward', values }, FORWARD_MS),
      );
    } catch (error) {
      return error instanceof NotSent ? NOBODY : { kind: 'unknown' };
    }
  }

  change(leader: string, { voters, learners }: WantedMembers): Promise<ConfigurationChange> {
    return this.#askForChange(leader, 'change', [{ voters, outgoing: [], learners }]);
  }

  transfer(leader: string, to: string | undefined): Promise<ConfigurationChange> {
    return this.#askForChange(leader, 'transfer', [to ?? '']);
  }

  /** The digest of all outcomes up to an index at another node; undefined where it cannot tell. */
  async digestOf(id: string, index: number): Promise<string | undefined> {
    const { exchange, group } = this.#options;
    try {
      const question = { group, topic: 'digest', values: [index] };
      return digestIn((await exchange.ask(id, question, DIGEST_MS)).text());
    } catch {
      return undefined;
    }
  }

  /** How questions of these topics are answered here. */
  readonly topics: Readonly<Record<string, Topic>> = {
    forward: (question) => this.#answer(question),
    digest: async (question) => [await this.#options.digestAt(question.whole())],
    change: async (question) => changeValues(await this.#options.change(question.members())),
    transfer: async (question) =>
      changeValues(await this.#options.transfer(question.text() || undefined)),
  };

  async #askForChange(
    leader: string,
    topic: string,
    values: readonly unknown[],
  ): Promise<ConfigurationChange> {
    const { exchange, group } = this.#options;
    try {
      return changeIn(await exchange.ask(leader, { group, topic, values }, FORWARD_MS));
    } catch {
      return {
        kind: 'refused',
        code: 'unknown',
        reason: `no answer from the leader ${leader}; look before you repeat`,
      };
    }
  }

  async #answer(question: Fields): Promise<readonly unknown[]> {
    const traffic = oneOf(TRAFFIC, question.text());
    // The bytes belong to the socket's buffer; the log keeps frames and writes into them.
    const frame = Buffer.from(question.bytes());
    const proposed = await this.#options.propose(frame, traffic);
    return valuesOf(proposed);
  }
}

/** Empty: it cannot tell. Any other word says that the group is not there, or no longer. */
function digestIn(word: string): string | undefined {
  return /^[0-9a-f]{64}$/.test(word) ? word : undefined;
}

function valuesOf(proposed: Proposed): readonly unknown[] {
  switch (proposed.kind) {
    case 'committed':
      return ['committed', proposed.index, proposed.term];
    case 'refused':
      return ['refused', proposed.code];
    case 'unknown':
      return ['unknown'];
  }
}

function changeValues(change: ConfigurationChange): readonly unknown[] {
  return change.kind === 'changed'
    ? ['changed', change.index]
    : ['refused', change.code, change.reason];
}

function changeIn(answer: Fields): ConfigurationChange {
  const kind = answer.text();
  if (kind === 'changed') return { kind, index: answer.whole() };
  return { kind: 'refused', code: oneOf(CHANGE_REFUSALS, answer.text()), reason: answer.text() };
}

function proposedIn(answer: Fields): Proposed {
  const kind = answer.text();
  if (kind === 'committed')
    return { kind: 'committed', index: answer.whole(), term: answer.whole() };
  if (kind === 'refused') return refusedWith(oneOf(REFUSALS, answer.text()));
  if (kind === UNKNOWN_GROUP) return NOBODY;
  return { kind: 'unknown' };
}

/** Who was asked does not lead any more: who does is not known here yet. */
function refusedWith(code: EngineRefusal): Proposed {
  return code === 'not-leader' ? NOBODY : { kind: 'refused', code };
}

function oneOf<Value extends string>(values: readonly Value[], text: string): Value {
  const found = values.find((value) => value === text);
  if (found === undefined) throw new BadMessage(`"${text}" is none of ${values.join(', ')}`);
  return found;
}
