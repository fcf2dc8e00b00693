/**
 * Who holds the beginning of the log. A node whose store began with a snapshot copies what lies below it in
 * the background; until then it counts in every majority, but not for audits. So before somebody leaves on
 * purpose, those who stay are asked whether they hold everything that would go with it.
 *
 *   question  ["history-held", group, incarnation]
 *   answer    ["held", entries missing from the first one on, newest entry] | ["trimmed"]
 *
 * Who stays and is so far behind that it will be given a snapshot holds nothing: the snapshot takes the place of
 * its log. Who does not answer is taken for gone, a dead node can always be removed; unless it was heard just now.
 */
import type { GroupId } from '../../log/group.ts';
import type { Milliseconds } from '../../log/time.ts';
import type { HistoryStatus } from '../engine.ts';
import type { Exchange } from './exchange.ts';
import type { Fields } from './fields.ts';

export const HELD_TOPIC = 'history-held';

const ANSWER_MS: Milliseconds = 1_000;
/** Who answered this leader so lately is not gone, whatever became of a question. */
const HEARD_MS: Milliseconds = 5_000;

export interface HistoryHoldersOptions {
  readonly nodeId: string;
  readonly group: GroupId;
  readonly exchange: Exchange;
  /** Of this node. */
  readonly status: () => HistoryStatus;
  /** The newest entry of this node. */
  readonly last: () => number;
  /** Of this node: whoever is behind it may be given it. 0 without one. */
  readonly newestSnapshot: () => Promise<number>;
  /** How long ago a peer answered this leader; undefined where it does not know. */
  readonly silenceOf: (id: string) => Milliseconds | undefined;
}

/** The entries a node holds: those behind the missing ones, up to the last. Who trims its log holds none for good. */
interface Holding {
  readonly id: string;
  readonly missing: number;
  readonly last: number;
}

/** Of those who answer. */
type Holdings = ReadonlyMap<string, Holding>;

const NOTHING = { missing: Number.POSITIVE_INFINITY, last: 0 } as const;

export class HistoryHolders {
  readonly #options: HistoryHoldersOptions;

  constructor(options: HistoryHoldersOptions) {
    this.#options = options;
  }

  /** What this node answers. */
  answer(): readonly unknown[] {
    const { missing, last } = this.#own();
    return missing === NOTHING.missing ? ['trimmed'] : ['held', missing, last];
  }

  /** @returns why these should not leave now, for people; undefined where nothing goes with them */
  async objectionTo(
    leaving: readonly string[],
    staying: readonly string[],
  ): Promise<string | undefined> {
    if (leaving.length === 0 || this.#isWholeAmong(staying)) return undefined;
    const [going, left] = await Promise.all([this.#holdings(leaving), this.#holdings(staying)]);
    const silent = leaving.find((id) => !going.has(id) && this.#isHeard(id));
    return silent === undefined ? this.#compared(going, left) : hasNotSaid(silent);
  }

  async #compared(going: Holdings, left: Holdings): Promise<string | undefined> {
    const best = [...going.values()].reduce(fuller, { id: '', ...NOTHING });
    const least = leastMissing([...left.values()], await this.#options.newestSnapshot());
    return best.missing < least ? objection(best, least) : undefined;
  }

  /** As it mostly is: then nobody has to be asked. */
  #isWholeAmong(staying: readonly string[]): boolean {
    const { nodeId, status } = this.#options;
    return staying.includes(nodeId) && status().state === 'whole';
  }

  #isHeard(id: string): boolean {
    const silence = this.#options.silenceOf(id);
    return silence !== undefined && silence < HEARD_MS;
  }

  async #holdings(ids: readonly string[]): Promise<Holdings> {
    const held = await Promise.all(ids.map((id) => this.#holding(id)));
    return new Map(held.flatMap((holding) => (holding ? [[holding.id, holding]] : [])));
  }

  #holding(id: string): Promise<Holding | undefined> {
    const { nodeId, exchange, group } = this.#options;
    if (id === nodeId) return Promise.resolve(this.#own());
    const question = { group, topic: HELD_TOPIC, values: [] };
    return exchange.ask(id, question, ANSWER_MS).then(
      (answer) => ({ id, ...heldIn(answer) }),
      () => undefined,
    );
  }

  #own(): Holding {
    const { nodeId: id, last, status } = this.#options;
    const { state, missing } = status();
    return { id, ...(state === 'trimmed' ? NOTHING : { missing, last: last() }) };
  }
}

function heldIn(answer: Fields): Omit<Holding, 'id'> {
  return answer.text() === 'held' ? { missing: answer.whole(), last: answer.whole() } : NOTHING;
}

function fuller(one: Holding, other: Holding): Holding {
  return other.missing < one.missing ? other : one;
}

/** @param snapshot whoever is behind it may be given it, and then goes on from there */
function leastMissing(staying: readonly Holding[], snapshot: number): number {
  const known = staying.filter(({ missing }) => missing !== NOTHING.missing);
  const bar = Math.max(snapshot, ...known.map(({ missing }) => missing));
  const kept = known.filter(({ last }) => last >= bar);
  return Math.min(NOTHING.missing, ...kept.map(({ missing }) => missing));
}

function hasNotSaid(id: string): string {
  return `${id} was heard just now, but does not say what it holds of the log: try again, or stop it first`;
}

function objection({ id, missing }: Holding, least: number): string {
  const entries =
    least === NOTHING.missing
      ? `the entries from ${missing + 1} on`
      : `entries ${missing + 1} to ${least}`;
  return `${id} alone holds ${entries}: wait until "quorate status" of another says that its history is whole, or stop ${id} first and give them up`;
}
