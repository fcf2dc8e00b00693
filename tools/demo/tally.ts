/**
 * What became of the work, counted by one who listens: every entry of the stream is folded into a few
 * sums and the status of each item. Nothing is asked of the node.
 */
import type { Json } from './door.ts';

/** An entry as the stream sends it. */
export interface StreamEntry {
  readonly index: number;
  readonly type: string;
  readonly outcome: string;
  readonly facts: readonly Json[];
}

const ENDS = ['completed', 'failed', 'dead', 'timeout', 'cancelled'] as const;
export type End = (typeof ENDS)[number];

type Count = (tally: Tally, fact: Json) => void;

/** What each fact about work adds. Facts about anything else add nothing. */
const COUNTS: Readonly<Record<string, Count>> = {
  work_added: (tally) => void (tally.added += 1),
  work_claimed: (tally) => void (tally.claims += 1),
  work_extended: (tally) => void (tally.extensions += 1),
  work_completed: (tally, fact) => tally.end(fact, 'completed'),
  work_cancelled: (tally, fact) => tally.end(fact, 'cancelled'),
  work_failed: (tally, fact) => tally.end(fact, fact['status']),
  work_expired: (tally, fact) => {
    tally.expired += 1;
    tally.end(fact, fact['status']);
  },
};

export class Tally {
  entries = 0;
  /** Leaders that began: each with an entry of its own. */
  leaders = 0;
  /** Ends of items that had come to an end before. */
  doubled = 0;
  added = 0;
  claims = 0;
  extensions = 0;
  expired = 0;
  readonly #ends = new Map<string, End>();

  entry({ type, facts }: StreamEntry): void {
    this.entries += 1;
    if (type === 'no_op') this.leaders += 1;
    for (const fact of facts) COUNTS[String(fact['type'])]?.(this, fact);
  }

  /** Notes the end of an item, if the status is one. */
  end(fact: Json, status: unknown): void {
    const end = ENDS.find((candidate) => candidate === status);
    if (end === undefined) return;
    if (this.#ends.has(nameOf(fact))) this.doubled += 1;
    this.#ends.set(nameOf(fact), end);
  }

  get ended(): number {
    return this.#ends.size;
  }

  countOf(end: End): number {
    return [...this.#ends.values()].filter((other) => other === end).length;
  }
}

function nameOf(fact: Json): string {
  return String(fact['work_id']);
}
