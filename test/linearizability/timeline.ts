/**
 * The calls and answers still to be explained, as a list from which an operation is lifted when it is taken
 * to have happened, and put back in its old place when that led nowhere (Lowe, "Testing for
 * linearizability", 2017, §3). Lifting and putting back are constant in time, and last lifted is first put
 * back.
 *
 * ```
 *  head ─ call a ─ call b ─ answer b ─ call c ─ answer a ─ answer c
 *         └───── may be first ─────┘   not c: b was over before it began
 * ```
 *
 * Open operations stand in a list of their own: they have no answer, so they are never in the way, and they
 * are told last.
 */
import { momentsOf } from './event-order.ts';
import type { Operation } from './history.ts';

interface Link {
  before: Link | undefined;
  after: Link | undefined;
}

/** An operation in the list, with its number among those of its kind in the order of calls. */
export interface Candidate extends Link {
  readonly kind: 'candidate';
  readonly operation: Operation;
  readonly number: number;
  /** Where in the sequence of moments it was called. */
  readonly place: number;
  /** Undefined: open. */
  readonly end: End | undefined;
}

interface End extends Link {
  readonly kind: 'end';
  readonly operation: Operation;
  /** Known when its moment comes. */
  place: number;
}

type Node = Candidate | End;

/** Only candidates and ends are ever appended to the head of a list. */
function nextOf(link: Link): Node | undefined {
  return link.after as Node | undefined;
}

class List {
  readonly head: Link = { before: undefined, after: undefined };
  #last: Link = this.head;
  #candidates = 0;

  /** How many operations were ever in it. */
  get candidates(): number {
    return this.#candidates;
  }

  get first(): Node | undefined {
    return nextOf(this.head);
  }

  append(node: Node): void {
    if (node.kind === 'candidate') this.#candidates += 1;
    this.#last.after = node;
    node.before = this.#last;
    this.#last = node;
  }
}

export class Timeline {
  readonly #answered = new List();
  readonly #open = new List();
  #left = 0;

  constructor(operations: readonly Operation[]) {
    const ends = new Map<number, End>();
    for (const [place, { kind, operation }] of momentsOf(operations).entries()) {
      if (kind === 'call') this.#call(operation, place, ends);
      else this.#answer(operation, place, ends);
    }
    this.#left = this.#answered.candidates;
  }

  get answeredCount(): number {
    return this.#answered.candidates;
  }

  get openCount(): number {
    return this.#open.candidates;
  }

  /** Answered operations that are still in the list. */
  get left(): number {
    return this.#left;
  }

  /** All answered operations with smaller numbers are lifted. */
  get firstLeft(): number {
    const { first } = this.#answered;
    return first?.kind === 'candidate' ? first.number : this.answeredCount;
  }

  /** Everything that nothing still in the list was over before: answered operations, then open ones. */
  *candidates(): Generator<Candidate> {
    let node = this.#answered.first;
    for (; node?.kind === 'candidate'; node = nextOf(node)) yield node;
    const limit = node?.place ?? Number.POSITIVE_INFINITY;
    for (node = this.#open.first; node !== undefined; node = nextOf(node)) {
      if (node.kind === 'end' || node.place > limit) return;
      yield node;
    }
  }

  lift(candidate: Candidate): void {
    unlink(candidate);
    if (candidate.end === undefined) return;
    unlink(candidate.end);
    this.#left -= 1;
  }

  putBack(candidate: Candidate): void {
    if (candidate.end !== undefined) {
      relink(candidate.end);
      this.#left += 1;
    }
    relink(candidate);
  }

  #call(operation: Operation, place: number, ends: Map<number, End>): void {
    const unlinked = { before: undefined, after: undefined };
    const isOpen = operation.answer.kind === 'open';
    const list = isOpen ? this.#open : this.#answered;
    const end: End | undefined = isOpen
      ? undefined
      : { kind: 'end', operation, place: 0, ...unlinked };
    if (end !== undefined) ends.set(operation.id, end);
    const number = list.candidates;
    list.append({ kind: 'candidate', operation, number, place, end, ...unlinked });
  }

  #answer(operation: Operation, place: number, ends: ReadonlyMap<number, End>): void {
    const end = ends.get(operation.id);
    if (end === undefined) throw new Error(`operation ${operation.id} ended before it began`);
    end.place = place;
    this.#answered.append(end);
  }
}

function unlink({ before, after }: Link): void {
  if (before !== undefined) before.after = after;
  if (after !== undefined) after.before = before;
}

/** A link that was taken out still knows where it was. */
function relink(link: Link): void {
  if (link.before !== undefined) link.before.after = link;
  if (link.after !== undefined) link.after.before = link;
}
