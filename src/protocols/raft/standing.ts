/**
 * Whether this node still takes part. Who was taken out of the members is sent nothing any more, so it cannot
 * know: its log may end before the entry that says so. When no leader has been heard for a while it asks
 * the others, who hold that entry.
 *
 *   question  ["standing", index of the newest members in the asker's log]
 *   answer    ["removed", index of the members without it] | ["member", 0]
 *
 * Only committed members count, and only of those who know as much as the asker: who lags behind may not
 * have heard yet that the asker was taken in.
 */
import { isIn, type Member, type Members, type MembersAt } from '../../log/members.ts';
import type { Milliseconds } from '../../log/time.ts';
import type { Removal } from '../engine.ts';
import type { PeerIdentity } from '../transport/network.ts';
import type { Exchange } from './exchange.ts';
import type { Fields } from './fields.ts';

const STANDING_TOPIC = 'standing';
/** A leader that was heard so lately takes this node for a member. */
const SILENT_MS: Milliseconds = 2_000;

export interface StandingOptions {
  readonly self: Pick<Member, 'id' | 'store'>;
  readonly exchange: Pick<Exchange, 'answer' | 'askNode'>;
  /** Who takes part from which index on, as the own log says, ascending. */
  readonly members: () => readonly MembersAt[];
  readonly commit: () => number;
  /** How long ago a leader was heard. */
  readonly silence: () => Milliseconds;
  /** Whether it has yet to become what it wants to be: until then nobody can have removed it. */
  readonly isJoining: () => boolean;
  readonly onRemoved: (removal: Removal) => void;
}

export class Standing {
  readonly #options: StandingOptions;
  #removal: Removal | undefined;

  constructor(options: StandingOptions) {
    this.#options = options;
    options.exchange.answer(STANDING_TOPIC, (from, question) =>
      Promise.resolve(this.#answer(from, question)),
    );
  }

  /** Undefined: it takes part, or nobody has said otherwise. */
  get removal(): Removal | undefined {
    return this.#removal;
  }

  /** Asks the others, where there is reason to. */
  async look(): Promise<void> {
    if (!this.#isInDoubt()) {
      this.#removal = undefined;
      return;
    }
    const answers = await Promise.all(this.#others().map((id) => this.#ask(id)));
    const [removal] = answers.filter((answer) => answer !== undefined);
    // What was said once holds while nobody answers.
    if (removal !== undefined) this.#learn(removal);
  }

  #isInDoubt(): boolean {
    const { isJoining, silence } = this.#options;
    return !isJoining() && silence() > SILENT_MS;
  }

  #learn(removal: Removal): void {
    const isNew = this.#removal === undefined;
    this.#removal = removal;
    if (isNew) this.#options.onRemoved(removal);
  }

  #others(): readonly string[] {
    const { members, self } = this.#options;
    const newest = members().at(-1);
    const ids = newest === undefined ? [] : everybodyIn(newest.configuration).map(({ id }) => id);
    return [...new Set(ids)].filter((id) => id !== self.id);
  }

  async #ask(nodeId: string): Promise<Removal | undefined> {
    const { exchange, members } = this.#options;
    const known = members().reduce((_, { index }) => index, 0);
    try {
      const answer = await exchange.askNode({ nodeId }, STANDING_TOPIC, [known]);
      return answer.text() === 'removed' ? { index: answer.whole() } : undefined;
    } catch {
      // Not there, or too old to know the question.
      return undefined;
    }
  }

  #answer({ nodeId: id, storeId: store }: PeerIdentity, question: Fields): readonly unknown[] {
    const known = question.whole();
    const { members, commit } = this.#options;
    const committed = members().filter(({ index }) => index <= commit());
    const isBehind = committed.every(({ index }) => index < known);
    const removal = isBehind ? undefined : removalOf({ id, store }, committed);
    return removal === undefined ? ['member', 0] : ['removed', removal.index];
  }
}

/** @returns the first members without it, behind the last with it */
function removalOf(
  who: Pick<Member, 'id' | 'store'>,
  committed: readonly MembersAt[],
): MembersAt | undefined {
  const last = committed.findLastIndex(({ configuration }) =>
    isIn(everybodyIn(configuration), who),
  );
  return committed[last + 1];
}

function everybodyIn({ voters, outgoing, learners }: Members): readonly Member[] {
  return [...voters, ...outgoing, ...learners];
}
