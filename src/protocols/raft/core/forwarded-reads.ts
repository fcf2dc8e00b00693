/**
 * Reads at a follower: it asks its leader from where on it may serve them. Reads of one turn share a
 * question, and so do those that come while two are on their way; each question has a number that no other one of this store has, so that an answer that is late
 * by a restart is told from the one that is awaited.
 */

/** Questions without an answer. One that is lost leaves within an election timeout, and makes room. */
const QUESTIONS_MAX = 2;

interface Question {
  readonly number: number;
  readonly asked: number;
  readonly ids: readonly number[];
}

export class ForwardedReads {
  #fresh: number[] = [];
  #asked: Question[] = [];
  #number: number;
  #size = 0;

  /** @param start a number drawn at random, in [0, 2^40) */
  constructor(start: number) {
    this.#number = start;
  }

  get size(): number {
    return this.#size;
  }

  /** When the oldest question was asked; undefined: none is open. */
  get oldest(): number | undefined {
    return this.#asked[0]?.asked;
  }

  add(id: number): void {
    this.#fresh.push(id);
    this.#size += 1;
  }

  /** @returns the number of a question for those who came since the last one; undefined: not now, or nobody did */
  ask(now: number): number | undefined {
    if (this.#fresh.length === 0 || this.#asked.length >= QUESTIONS_MAX) return undefined;
    this.#number += 1;
    this.#asked.push({ number: this.#number, asked: now, ids: this.#fresh });
    this.#fresh = [];
    return this.#number;
  }

  /** @returns who waits for this answer; nobody, when it comes twice or too late */
  answered(number: number): readonly number[] {
    return this.#remove((question) => question.number === number);
  }

  /** @returns who has waited since before a moment */
  expired(before: number): readonly number[] {
    return this.#remove(({ asked }) => asked <= before);
  }

  /** @returns everybody who waits: the leader is gone */
  abandon(): readonly number[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    this.#size -= fresh.length;
    return [...this.#remove(() => true), ...fresh];
  }

  #remove(leaves: (question: Question) => boolean): readonly number[] {
    const ids = this.#asked.filter(leaves).flatMap((question) => question.ids);
    if (ids.length > 0) this.#asked = this.#asked.filter((question) => !leaves(question));
    this.#size -= ids.length;
    return ids;
  }
}
