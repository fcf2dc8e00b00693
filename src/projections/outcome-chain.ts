/**
 * The outcomes of a group as they are decided: their bytes, their rolling digest, and the newest pages
 * in memory for those who ask about recent entries.
 *
 * The digest at an index costs one hash of at most a page, so nothing is hashed per entry; a finished
 * page is handed over once, to be stored.
 */
import {
  digestIn,
  encodeOutcomePage,
  GENESIS_DIGEST,
  outcomeIn,
  PAGE_ENTRIES,
  pageDigest,
  pageOf,
} from '../log/outcome-page.ts';
import { assert } from './assert.ts';

/** How many bytes of finished pages stay in memory, a second or two of a busy node; older outcomes are read from the store. */
export const CHAIN_WINDOW_BYTES = 4 * 1024 * 1024;

/** A finished page, encoded as it is to be stored. */
export interface FinishedPage {
  readonly page: number;
  readonly encoded: Buffer;
}

/** What a snapshot keeps of the chain: enough to go on from its index. */
export interface ChainState {
  readonly index: number;
  readonly previous_digest: Uint8Array;
  readonly outcomes: readonly Uint8Array[];
}

export class OutcomeChain {
  readonly #keepsPages: boolean;
  #index = 0;
  #previousDigest: Buffer = GENESIS_DIGEST;
  /** Outcomes of the page that is being filled. */
  #current: Uint8Array[] = [];
  /** Finished pages, encoded: one buffer is kept where 256 would be. */
  #kept: FinishedPage[] = [];
  #keptBytes = 0;

  /** @param keepsPages false: pages are only hashed; nobody stores them or asks for outcomes */
  constructor(keepsPages = true) {
    this.#keepsPages = keepsPages;
  }

  get index(): number {
    return this.#index;
  }

  /** Appends the outcome of the next entry. @returns the page that it finished, if it did */
  push(outcome: Uint8Array): FinishedPage | undefined {
    this.#index += 1;
    this.#current.push(outcome);
    if (this.#current.length < PAGE_ENTRIES) return undefined;
    return this.#keepsPages ? this.#finishPage() : this.#hashPage();
  }

  /** The digest after the newest outcome, as hex. */
  digest(): string {
    const page = this.unfinished();
    return (page === undefined ? this.#previousDigest : digestIn(page.encoded)).toString('hex');
  }

  /** The encoded outcome of a recent entry, or undefined where only the store has it. */
  outcome(index: number): Uint8Array | undefined {
    const place = (index - 1) % PAGE_ENTRIES;
    if (pageOf(index) === pageOf(this.#index + 1)) return this.#current[place];
    return this.#keptOutcome(pageOf(index), place);
  }

  /** The page being filled, as it stands: stored at a clean exit. Undefined while it is empty. */
  unfinished(): FinishedPage | undefined {
    return this.#current.length === 0 ? undefined : this.#encoded(pageOf(this.#index));
  }

  state(): ChainState {
    return {
      index: this.#index,
      previous_digest: this.#previousDigest,
      outcomes: [...this.#current],
    };
  }

  /** Goes on from a snapshot. */
  restore(state: ChainState): void {
    assert(
      state.index % PAGE_ENTRIES === state.outcomes.length,
      'a chain goes on inside the page of its index',
    );
    this.#index = state.index;
    this.#previousDigest = Buffer.from(state.previous_digest);
    this.#current = [...state.outcomes];
    this.#kept = [];
    this.#keptBytes = 0;
  }

  #keptOutcome(page: number, place: number): Uint8Array | undefined {
    const kept = this.#kept[page - (this.#kept[0]?.page ?? 0)];
    return kept === undefined ? undefined : outcomeIn(kept.encoded, place);
  }

  #finishPage(): FinishedPage {
    const finished = this.#encoded(pageOf(this.#index));
    this.#previousDigest = digestIn(finished.encoded);
    this.#keep(finished);
    this.#current = [];
    return finished;
  }

  #hashPage(): undefined {
    this.#previousDigest = pageDigest(this.#previousDigest, this.#current);
    this.#current = [];
  }

  #encoded(page: number): FinishedPage {
    const [outcomes, previousDigest] = [this.#current, this.#previousDigest];
    return { page, encoded: encodeOutcomePage({ page, outcomes, previousDigest }) };
  }

  #keep(page: FinishedPage): void {
    this.#kept.push(page);
    this.#keptBytes += page.encoded.length;
    while (this.#keptBytes > CHAIN_WINDOW_BYTES)
      this.#keptBytes -= (this.#kept.shift() as FinishedPage).encoded.length;
  }
}
