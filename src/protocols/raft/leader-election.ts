/**
 * Why the leader leads. Only who asked for votes knows what for; so a follower asks its leader once in each term.
 *
 *   question  ["election"]
 *   answer    [term, why, wall clock when it asked]   term 0: it has not asked in this life
 */
import type { ElectionReport } from '../engine.ts';
import type { Exchange } from './exchange.ts';

const ELECTION_TOPIC = 'election';
/** No node has more to say; what is longer was not said by one. */
const WORDS_MAX = 200;
const NEVER = [0, '', 0] as const;

export interface LeaderElectionOptions {
  readonly nodeId: string;
  readonly exchange: Pick<Exchange, 'answer' | 'askNode'>;
  readonly standing: () => { readonly term: number; readonly leader_id: string | undefined };
  /** The last for which this node asked. */
  readonly own: () => Omit<ElectionReport, 'node_id'> | null;
}

export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  #heard: ElectionReport | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    options.exchange.answer(ELECTION_TOPIC, () => Promise.resolve(this.#answer()));
  }

  /** The last election this node knows of: its leader's, or a later one of its own. */
  get last(): ElectionReport | null {
    const { nodeId, own } = this.#options;
    const known = own();
    const mine = known === null ? [] : [{ ...known, node_id: nodeId }];
    const heard = this.#heard === undefined ? [] : [this.#heard];
    return [...mine, ...heard].sort((one, other) => other.term - one.term)[0] ?? null;
  }

  /** Asks the leader, unless it has said so in this term. */
  async look(): Promise<void> {
    const { nodeId, standing } = this.#options;
    const { term, leader_id: leader } = standing();
    const isKnown = leader === nodeId || this.#isHeard(term);
    if (leader !== undefined && !isKnown) await this.#ask(leader);
  }

  #isHeard(term: number): boolean {
    return this.#heard?.term === term;
  }

  async #ask(nodeId: string): Promise<void> {
    try {
      const answer = await this.#options.exchange.askNode({ nodeId }, ELECTION_TOPIC, []);
      const [term, why, at] = [answer.whole(), answer.text(), answer.whole()];
      if (term > 0) this.#heard = { term, why: why.slice(0, WORDS_MAX), at, node_id: nodeId };
    } catch {
      // Gone meanwhile, or too old to know the question: it is asked again.
    }
  }

  #answer(): readonly unknown[] {
    const known = this.#options.own();
    return known === null ? NEVER : [known.term, known.why, Math.round(known.at)];
  }
}
