/**
 * Who waits for what: the core knows proposals, reads, changes and transfers by number; here each number
 * is a promise. A promise of something committed is kept when it was applied, so that its outcome is there.
 *
 * Nothing is counted here: who waits is bounded where it is taken in, by the bytes that may wait for a
 * quorum, the reads and the questions under way. `end` answers everybody who is left.
 */
import type { EngineRefusal, Proposed, ReadPoint } from '../engine.ts';
import type { Refusal, Settled } from './core/input.ts';
import { Waiters } from './waiters.ts';

export type Settlement =
  | { readonly kind: 'applied'; readonly index: number; readonly term: number }
  | {
      readonly kind: 'refused';
      readonly code: EngineRefusal;
      readonly reason: Refusal;
      readonly leader_id?: string;
    }
  | { readonly kind: 'unknown' };

type Answer = (settlement: Settlement) => void;

interface Parked {
  readonly index: number;
  readonly term: number;
  readonly answer: Answer;
}

/** What the port tells callers for each reason of the core. */
const CODES: Readonly<Record<Refusal, EngineRefusal>> = {
  not_leader: 'not-leader',
  no_leader: 'no-leader',
  transferring: 'no-leader',
  uncommitted_full: 'backpressure',
  disk_failed: 'no-leader',
  change_pending: 'backpressure',
  invalid_members: 'not-leader',
  unknown_member: 'not-leader',
  not_caught_up: 'backpressure',
};

export class Settling {
  readonly #waiting = new Waiters<Answer>();
  /** Committed, waiting to be applied; in the order of their indices. */
  #parked: Parked[] = [];
  #applied: number;
  #isOver = false;

  /** @param applied what is applied already */
  constructor(applied: number) {
    this.#applied = applied;
  }

  /** Nobody waits. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#parked.length === 0;
  }

  /**
   * @param as what whoever waits is to be told
   * @returns the number to give to the core, and the promise for it
   */
  enter<Told>(as: (settlement: Settlement) => Told): {
    readonly id: number;
    readonly settled: Promise<Told>;
  } {
    let id = 0;
    const settled = new Promise<Told>((resolve) => {
      id = this.#waiting.add((settlement) => resolve(as(settlement)));
    });
    // Whoever waited for something else before it came here.
    if (this.#isOver) this.#answerAll();
    return { id, settled };
  }

  settle(settled: Settled): void {
    const answer = this.#waiting.take(settled.id);
    if (answer !== undefined) this.#tell(answer, settled);
  }

  /** Everything up to here was applied. */
  applied(index: number): void {
    this.#applied = index;
    if (this.#parked.length === 0) return;
    const parked = this.#parked;
    this.#parked = [];
    for (const one of parked) this.#park(one);
  }

  /** Answers when this index is applied: for what was committed elsewhere. */
  whenApplied(index: number, term: number): Promise<Settlement> {
    return new Promise((answer) => this.#park({ index, term, answer }));
  }

  /** Nobody waits any more: what was proposed may or may not commit. */
  end(): void {
    this.#isOver = true;
    this.#answerAll();
  }

  #answerAll(): void {
    for (const answer of this.#waiting.takeAll()) answer({ kind: 'unknown' });
    for (const { answer } of this.#parked) answer({ kind: 'unknown' });
    this.#parked = [];
  }

  #park(parked: Parked): void {
    if (parked.index <= this.#applied) answerApplied(parked);
    else if (this.#isOver) parked.answer({ kind: 'unknown' });
    else this.#parked.push(parked);
  }

  #tell(answer: Answer, settled: Settled): void {
    if (isEnded(settled)) return answer(outcomeOf(settled));
    const { index, term } = placeOf(settled);
    this.#park({ index, term, answer });
  }
}

type Ended = Extract<Settled, { kind: 'superseded' | 'unknown' | 'refused' }>;
type Granted = Exclude<Settled, Ended>;

function answerApplied({ index, term, answer }: Parked): void {
  answer({ kind: 'applied', index, term });
}

const ENDED: readonly Settled['kind'][] = ['superseded', 'unknown', 'refused'];

function isEnded(settled: Settled): settled is Ended {
  return ENDED.includes(settled.kind);
}

/** What must be applied here before it is told. A transfer waits for nothing. */
function placeOf(settled: Granted): Pick<Parked, 'index' | 'term'> {
  if (settled.kind === 'committed') return settled.place;
  return { index: settled.kind === 'readable' ? settled.index : 0, term: 0 };
}

function outcomeOf(settled: Ended): Settlement {
  if (settled.kind === 'unknown') return { kind: 'unknown' };
  // Superseded: it is certain that it was not applied, so it may be asked of the next leader, whoever it is.
  if (settled.kind === 'superseded') return refusal('no_leader', undefined);
  return refusal(settled.reason, settled.leader);
}

function refusal(reason: Refusal, leader: string | undefined): Settlement {
  const refused = { kind: 'refused', code: CODES[reason], reason } as const;
  return leader === undefined ? refused : { ...refused, leader_id: leader };
}

export function proposedOf(settlement: Settlement): Proposed {
  if (settlement.kind === 'unknown') return { kind: 'unknown' };
  if (settlement.kind === 'applied')
    return { kind: 'committed', index: settlement.index, term: settlement.term };
  const { code, leader_id } = settlement;
  return leader_id === undefined ? { kind: 'refused', code } : { kind: 'refused', code, leader_id };
}

export function readPointOf(settlement: Settlement): ReadPoint {
  if (settlement.kind === 'applied') return { kind: 'at', index: settlement.index };
  return settlement.kind === 'refused' ? settlement : { kind: 'refused', code: 'no-leader' };
}

/** What nobody needs to wait for. */
export function refusing(
  code: EngineRefusal,
): Promise<{ readonly kind: 'refused'; readonly code: EngineRefusal }> {
  return Promise.resolve({ kind: 'refused', code });
}
