/**
 * Whether this node decided what the others decided. The digest of all outcomes up to an index is one number;
 * where two nodes differ they differ from there on, so the first difference is found by halving, and who of
 * the two is wrong is judged by all voters: what most of them decided there is right.
 *
 * ```
 *  every second, at the index of the second before: our digest = theirs?  (we follow: the leader's; we lead: all voters')
 *    │ yes, or nobody can tell ─▶ wait
 *    ▼ no
 *  halve down to the first entry that was decided differently ─▶ said, by its index ─▶ the voters' digests there
 *    │
 *    ├─ ours is a majority's: right ─▶ the other mends itself
 *    ├─ no majority can be asked: unknown ─▶ rebuilt, once ─▶ goes on, and is judged again every second
 *    └─ another is a majority's: wrong ─▶ leadership handed over ─▶ rebuilt from an older snapshot and the log
 *                                          ─▶ still wrong?  yes ─▶ the node ends
 * ```
 *
 * A flipped bit in memory is healed by that; rules that decide differently are not, and must not serve. Where
 * an index was agreed upon nobody is asked about it again, so that a group without new entries asks nothing.
 * It is compared a second late because the others have applied it by then.
 */
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { Engine, EngineStatus } from '../engine.ts';
import { Loop, type LoopStatus } from './loop.ts';

const INTERVAL_MS = 1_000;

/** `unknown`: too few could be asked, or too many differ, for a majority. */
export type Verdict = 'right' | 'wrong' | 'unknown';

export interface FoundDivergence {
  /** The first entry that was decided differently. */
  readonly index: number;
  /** On this node. */
  readonly verdict: Verdict;
  /** The node with which it was found. */
  readonly other: string;
  readonly at: Milliseconds;
}

export interface DivergencesStatus {
  /** Since the group was opened; what is found again every second counts once. */
  readonly found: number;
  readonly last: FoundDivergence | null;
  /** The newest entry as of which our tables were those that another leader had agreed; 0: none yet. */
  readonly agreed_root: number;
}

/** What of an engine this asks for. */
export interface ComparedEngine extends Pick<Engine, 'digestOf' | 'whilePaused'> {
  status(): Pick<EngineStatus, 'voters' | 'leader_id'>;
  transfer(to: undefined): Promise<unknown>;
}

export interface ComparingOptions {
  readonly name: string;
  readonly self: string;
  readonly clock: Clock;
  readonly engine: () => ComparedEngine;
  /** The newest applied index. */
  readonly position: () => number;
  /** Below this nothing is known any more; 0 where everything is. */
  readonly floor: () => number;
  /** Our digest at an index, as hex. */
  readonly digestAt: (index: number) => Promise<string>;
  /** Makes the tables anew from what lies below an index, and the log. */
  readonly rebuild: (below: number) => Promise<void>;
  /** It decided differently again: this node must not go on. */
  readonly onFault: (fault: Error) => void;
  /** What a person should read: differences, and what failed. */
  readonly onError: (error: unknown) => void;
}

/** The outcome of an entry is another here than on a majority, also after it was decided again. */
export class Divergence extends Error {
  constructor(index: number) {
    super(
      `this node decides entry ${index} differently from a majority, also from its log: it must not serve; ` +
        `compare the builds, and see \`quorate log dump --from ${index} --to ${index}\` on both`,
    );
  }
}

interface Told {
  readonly id: string;
  readonly digest: string;
}

export class Comparing {
  readonly #options: ComparingOptions;
  readonly #loop: Loop;
  /** The newest index of the round before. */
  #due = 0;
  #agreed = 0;
  /** Where the tables were made anew, while they differ there. */
  #rebuilt: number | undefined;
  /** What was said last of each other node, while anything differs. */
  readonly #said = new Map<string, string>();
  #found = 0;
  #last: FoundDivergence | null = null;
  /** What `root-checking.ts` has found. */
  agreedRoot = 0;

  constructor(options: ComparingOptions) {
    this.#options = options;
    const { name, clock, onError } = options;
    const run = (): Promise<void> => this.#round();
    this.#loop = new Loop({ name, clock, interval: INTERVAL_MS, run, onError });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  status(): LoopStatus {
    return this.#loop.status();
  }

  get divergences(): DivergencesStatus {
    return { found: this.#found, last: this.#last, agreed_root: this.agreedRoot };
  }

  async #round(): Promise<void> {
    const index = this.#due;
    this.#due = this.#options.position();
    // A snapshot may have come meanwhile: what lies below it is not known here any more.
    if (index > this.#agreed && index >= this.#options.floor()) await this.#compare(index);
  }

  async #compare(index: number): Promise<void> {
    const own = await this.#options.digestAt(index);
    const told = await this.#tellingOf(this.#asked(), index);
    const others = told.filter(({ digest }) => digest !== own);
    if (others.length > 0) await this.#judgeAll(others, index);
    else if (told.length > 0) this.#agree(index);
  }

  #agree(index: number): void {
    this.#agreed = index;
    this.#rebuilt = undefined;
    this.#said.clear();
  }

  /** The leader asks everybody, so that it learns of its own faults; the others ask the leader. */
  #asked(): readonly string[] {
    const { voters, leader_id: leader } = this.#options.engine().status();
    if (leader === this.#options.self) return this.#others(voters);
    return leader === undefined ? [] : [leader];
  }

  #others(voters: readonly string[]): readonly string[] {
    return voters.filter((id) => id !== this.#options.self);
  }

  /** The digests of those who can tell. */
  async #tellingOf(ids: readonly string[], index: number): Promise<readonly Told[]> {
    const asked = ids.map(async (id) => ({
      id,
      digest: await this.#options.engine().digestOf(id, index),
    }));
    const answers = await Promise.all(asked);
    return answers.filter((answer): answer is Told => answer.digest !== undefined);
  }

  /** Until one of them shows that it is not the other who is wrong: what follows changes our digests. */
  async #judgeAll(others: readonly Told[], index: number): Promise<void> {
    for (const { id } of others) if ((await this.#judge(id, index)) !== 'right') return;
  }

  async #judge(other: string, differs: number): Promise<Verdict> {
    const index = await this.#firstDifference(other, differs);
    const verdict = await this.#verdict(index);
    const found = { index, verdict, other, at: this.#options.clock.now() };
    this.say(found, WORDS[verdict](found));
    if (verdict === 'unknown') await this.#rebuildOnce(index);
    if (verdict === 'wrong') await this.#mend(index);
    return verdict;
  }

  /** @param differs an index at which the digests differ */
  async #firstDifference(other: string, differs: number): Promise<number> {
    let [agrees, first] = [this.#options.floor(), differs];
    while (agrees + 1 < first) {
      const middle = Math.floor((agrees + first) / 2);
      if (await this.#agreesWith(other, middle)) agrees = middle;
      else first = middle;
    }
    return first;
  }

  /** Also where it cannot tell. */
  async #agreesWith(other: string, index: number): Promise<boolean> {
    const theirs = await this.#options.engine().digestOf(other, index);
    return theirs === undefined || theirs === (await this.#options.digestAt(index));
  }

  /** What most voters decided is right, whoever leads. A learner has no say in it. */
  async #verdict(index: number): Promise<Verdict> {
    const { self, digestAt, engine } = this.#options;
    const { voters } = engine().status();
    const told = await this.#tellingOf(this.#others(voters), index);
    const own = await digestAt(index);
    const digests = told.map(({ digest }) => digest);
    const most = majorityOf(voters.includes(self) ? [...digests, own] : digests, voters.length);
    if (most === undefined) return 'unknown';
    return most === own ? 'right' : 'wrong';
  }

  /** Once, until it is over or something else is found. */
  say(found: FoundDivergence, words: string): void {
    const { other } = found;
    if (this.#said.get(other) === words) return;
    this.#said.set(other, words);
    this.#found += 1;
    this.#last = found;
    this.#options.onError(new Error(words));
  }

  /** Who leads hands over first: the others go on meanwhile, by what most of them decided. */
  async #mend(index: number): Promise<void> {
    const { self, engine, onError, onFault } = this.#options;
    // Where nobody can take it, who differs is mended while it leads.
    if (engine().status().leader_id === self) await engine().transfer(undefined).catch(onError);
    await this.#rebuildOnce(index);
    if ((await this.#verdict(index)) === 'wrong') onFault(new Divergence(index));
  }

  /** Deciding the same again for a third time would help no more than for a second. */
  async #rebuildOnce(index: number): Promise<void> {
    if (this.#rebuilt === index) return;
    this.#rebuilt = index;
    const { engine, rebuild, onError } = this.#options;
    // A snapshot that is not there, or a log that was trimmed: it did not help, and more is not lost.
    await engine().whilePaused(() => rebuild(index).catch(onError));
  }
}

/** The digest that more than half of so many voters have. */
function majorityOf(digests: readonly string[], voters: number): string | undefined {
  const quorum = Math.floor(voters / 2) + 1;
  return digests.find((digest) => digests.filter((other) => other === digest).length >= quorum);
}

const WORDS: Readonly<Record<Verdict, (found: FoundDivergence) => string>> = {
  right: ({ index, other }) =>
    `entry ${index} was decided differently on ${other}; a majority decided it as it was decided here`,
  wrong: ({ index }) => `entry ${index} was decided differently here`,
  unknown: ({ index, other }) =>
    `entry ${index} was decided differently here and on ${other}, and no majority can say which is right`,
};
