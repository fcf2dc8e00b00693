/**
 * Who holds the beginning of the log. A node whose store began with a snapshot copies what lies below it in
 * the background; until then it counts in every majority, but not for audits. So before somebody leaves on
 * purpose, those who stay are asked whether they hold everything that would go with it.
 *
 *   question  ["history-held", group, incarnation]
 *   answer    ["held", entries missing from the first one on] | ["trimmed"]
 *
 * Who does not answer is taken for gone: a dead node can always be removed.
 */
import type { GroupId } from '../../log/group.ts';
import type { Milliseconds } from '../../log/time.ts';
import type { HistoryStatus } from '../engine.ts';
import type { Exchange } from './exchange.ts';
import type { Fields } from './fields.ts';

export const HELD_TOPIC = 'history-held';

const ANSWER_MS: Milliseconds = 1_000;
/** Who trims its log holds nothing for good, and who does not answer nothing that is known of. */
const NOTHING = Number.POSITIVE_INFINITY;

export interface HistoryHoldersOptions {
  readonly nodeId: string;
  readonly group: GroupId;
  readonly exchange: Exchange;
  /** Of this node. */
  readonly status: () => HistoryStatus;
}

/** The first entry a node holds, less one. */
interface Holding {
  readonly id: string;
  readonly missing: number;
}

export class HistoryHolders {
  readonly #options: HistoryHoldersOptions;

  constructor(options: HistoryHoldersOptions) {
    this.#options = options;
  }

  /** What this node answers. */
  answer(): readonly unknown[] {
    const { state, missing } = this.#options.status();
    return state === 'trimmed' ? ['trimmed'] : ['held', missing];
  }

  /** @returns why these should not leave now, for people; undefined where nothing goes with them */
  async objectionTo(
    leaving: readonly string[],
    staying: readonly string[],
  ): Promise<string | undefined> {
    if (leaving.length === 0 || this.#isWholeAmong(staying)) return undefined;
    const [going, left] = await Promise.all([this.#holdings(leaving), this.#holdings(staying)]);
    const best = going.reduce((one, other) => (other.missing < one.missing ? other : one));
    const least = Math.min(...left.map(({ missing }) => missing));
    return best.missing < least ? objection(best, least) : undefined;
  }

  /** As it mostly is: then nobody has to be asked. */
  #isWholeAmong(staying: readonly string[]): boolean {
    const { nodeId, status } = this.#options;
    return staying.includes(nodeId) && status().state === 'whole';
  }

  #holdings(ids: readonly string[]): Promise<readonly Holding[]> {
    return Promise.all(ids.map(async (id) => ({ id, missing: await this.#missingAt(id) })));
  }

  async #missingAt(id: string): Promise<number> {
    const { nodeId, exchange, group, status } = this.#options;
    if (id === nodeId) return status().state === 'trimmed' ? NOTHING : status().missing;
    const question = { group, topic: HELD_TOPIC, values: [] };
    return exchange.ask(id, question, ANSWER_MS).then(missingIn, () => NOTHING);
  }
}

function missingIn(answer: Fields): number {
  return answer.text() === 'held' ? answer.whole() : NOTHING;
}

function objection({ id, missing }: Holding, least: number): string {
  const entries =
    least === NOTHING ? `the entries from ${missing + 1} on` : `entries ${missing + 1} to ${least}`;
  return `${id} alone holds ${entries}: wait until "quorate status" of another says that its history is whole, or stop ${id} first and give them up`;
}
