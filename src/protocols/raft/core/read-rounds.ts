/**
 * Reads at the leader. A read is linearizable at the commit index of the moment it came, if this core
 * still led then; a round of messages proves it: a majority that answers the round had not moved on
 * (dissertation §6.4). Reads that come while no round can begin share the next one, as writes that come while
 * the disk is busy share its next flush: the more there are, the fewer messages each of them costs.
 *
 * ```
 *   came ──▶ early ──take──▶ round n at commit index i ──majority echoed n──▶ readable at i
 * ```
 */

/** Rounds without a majority's answer; one more would save nobody half a round trip. Heartbeats repeat the newest. */
const ROUNDS_MAX = 2;

export type Reader =
  | { readonly kind: 'own'; readonly id: number }
  /** A follower's question, with the number it gave it. */
  | { readonly kind: 'remote'; readonly from: string; readonly round: number };

interface Round {
  readonly number: number;
  readonly index: number;
  readonly readers: readonly Reader[];
}

export interface Readable {
  readonly index: number;
  readonly reader: Reader;
}

export class ReadRounds {
  #early: Reader[] = [];
  #open: Round[] = [];
  #newest = 0;
  #size = 0;

  /** Readers that wait. */
  get size(): number {
    return this.#size;
  }

  /** The round that messages carry. */
  get newest(): number {
    return this.#newest;
  }

  add(reader: Reader): void {
    this.#early.push(reader);
    this.#size += 1;
  }

  /** Those who came since the last round share one, at the commit index of now; not yet, where too many are open. */
  open(commit: number): void {
    if (this.#early.length === 0 || this.#open.length >= ROUNDS_MAX) return;
    this.#newest += 1;
    this.#open.push({ number: this.#newest, index: commit, readers: this.#early });
    this.#early = [];
  }

  /** @returns a round that nobody reads in: whoever answers it, or a later one, was there after now */
  begin(): number {
    this.#newest += 1;
    return this.#newest;
  }

  /** A majority has answered up to this round. */
  release(reached: number): readonly Readable[] {
    const proven = this.#open.filter(({ number }) => number <= reached);
    this.#open = this.#open.filter(({ number }) => number > reached);
    const readable = proven.flatMap(({ index, readers }) =>
      readers.map((reader) => ({ index, reader })),
    );
    this.#size -= readable.length;
    return readable;
  }

  /** Leadership ends: nobody who waits can be answered. */
  abandon(): readonly Reader[] {
    const readers = [...this.#open.flatMap((round) => round.readers), ...this.#early];
    this.#open = [];
    this.#early = [];
    this.#size = 0;
    return readers;
  }
}
