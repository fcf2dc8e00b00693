/**
 * Whether this node decided what the leader decided. The digest of all outcomes up to an index is one
 * number; where two nodes differ they differ from there on, so the first difference is found by halving.
 *
 * ```
 *  every second: our digest at our index = the leader's there?
 *    │ yes, or nobody can tell ─▶ wait
 *    ▼ no
 *  halve down to the first entry that was decided differently ─▶ said, by its index
 *    ─▶ rebuilt from an older snapshot and the log ─▶ equal now?  no ─▶ the node ends
 * ```
 *
 * A flipped bit in memory is healed by that; rules that decide differently are not, and must not serve.
 */
import type { Clock } from '../../log/time.ts';
import { Loop, type LoopStatus } from './loop.ts';

const INTERVAL_MS = 1_000;

export interface ComparingOptions {
  readonly name: string;
  readonly clock: Clock;
  /** The newest applied index. */
  readonly position: () => number;
  /** Below this nothing is known any more; 0 where everything is. */
  readonly floor: () => number;
  /** Our digest at an index, as hex. */
  readonly digestAt: (index: number) => Promise<string>;
  /** The leader's; undefined where we lead, or it cannot tell. */
  readonly leaderDigestAt: (index: number) => Promise<string | undefined>;
  /** Makes the tables anew from what lies below an index, and the log. */
  readonly rebuild: (below: number) => Promise<void>;
  readonly onDivergence: (index: number) => void;
  /** It decided differently again: this node must not go on. */
  readonly onFault: (fault: Error) => void;
  readonly onError: (error: unknown) => void;
}

/** The outcome of an entry is another here than on the leader, also after it was decided again. */
export class Divergence extends Error {
  constructor(index: number) {
    super(
      `this node decides entry ${index} differently from the leader, also from its log: it must not serve; ` +
        `compare the builds, and see \`quorate log dump --from ${index} --to ${index}\` on both`,
    );
  }
}

export class Comparing {
  readonly #options: ComparingOptions;
  readonly #loop: Loop;
  #last: number | undefined;

  constructor(options: ComparingOptions) {
    this.#options = options;
    const { name, clock, onError } = options;
    const run = (): Promise<void> => this.#compare();
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

  /** The first entry that was last found to be decided differently. */
  get lastDivergence(): number | undefined {
    return this.#last;
  }

  async #compare(): Promise<void> {
    const index = this.#options.position();
    if (index === 0 || (await this.#agrees(index))) return;
    const first = await this.#firstDifference(index);
    this.#last = first;
    this.#options.onDivergence(first);
    await this.#options.rebuild(first);
    if (!(await this.#agrees(first))) this.#options.onFault(new Divergence(first));
  }

  /** Also where nobody can tell. */
  async #agrees(index: number): Promise<boolean> {
    const theirs = await this.#options.leaderDigestAt(index);
    return theirs === undefined || theirs === (await this.#options.digestAt(index));
  }

  /** @param differs an index at which the digests differ */
  async #firstDifference(differs: number): Promise<number> {
    let [agrees, first] = [this.#options.floor(), differs];
    while (agrees + 1 < first) {
      const middle = Math.floor((agrees + first) / 2);
      if (await this.#agrees(middle)) agrees = middle;
      else first = middle;
    }
    return first;
  }
}
