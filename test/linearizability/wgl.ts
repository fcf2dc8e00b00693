/**
 * Is there an order of these operations that explains every answer? The search of Wing and Gong ("Testing
 * and verifying concurrent objects", 1993) with Lowe's improvements (2017): a linked list from which
 * operations are lifted, and a memory of situations.
 *
 * ```
 *              ┌──────────────────────────────────────────────────────────────────────┐
 *              ▼                                                                      │ lifted
 *  what may be first now, and what the object would be then ─ the next one, if new ───┘
 *              ▲                                            └ none is left
 *              │ put back                                         │
 *              └──────────── the last one that was lifted ◀───────┘ there is none: no such order
 * ```
 *
 * What is tried first decides how long it takes, and nothing else:
 *
 * - An operation that only looked happens at once where it saw what is there, without an alternative:
 *   whatever can follow without it can follow after it.
 * - Where it saw what time alone may have made of the object, that it is free by now, it goes before all others: what
 *   changes the object now may take away for ever what it saw.
 * - Else the operation that was over first goes first: it is the next that has to be out of the way.
 * - An open operation happens only where it changes the object, and after everything else was tried: it has
 *   all the time in the world.
 * - Where open operations follow each other, one that leads where it would have led without those before it is left
 *   out: it is tried without them.
 * - Where an answer can never come true any more, as the model says, nothing is tried at all.
 */
import { Bits } from './bits.ts';
import type { Operation } from './history.ts';
import { Memo } from './memo.ts';
import type { Model } from './model.ts';
import { type Candidate, Timeline } from './timeline.ts';

export type Found =
  /** Such an order. */
  | { readonly kind: 'order'; readonly steps: number; readonly order: readonly Operation[] }
  /** There is none. */
  | { readonly kind: 'none'; readonly steps: number }
  /** The budget is used up: nobody knows, and that is not good enough. */
  | { readonly kind: 'budget'; readonly steps: number };

/** Questions to the model; a history of a thousand operations that is in order needs a few thousand. */
export const STEPS_MAX = 5_000_000;
/** Behind every place in a history. */
const OPEN_RANK = Number.MAX_SAFE_INTEGER;

/** Searches among the operations of one object. */
export function findOrder<State>(
  operations: readonly Operation[],
  model: Model<State>,
  steps = STEPS_MAX,
): Found {
  return new Search(operations, model, steps).run();
}

/** What may happen next, and what the object is then. */
interface Option<State> {
  readonly candidate: Candidate;
  readonly state: State;
  /** Of the state. */
  readonly name: number;
}

/** A situation: what may happen in it, how much of that was tried, and how to get back to where it began. */
interface Situation<State> {
  readonly options: readonly Option<State>[];
  tried: number;
  /** The operation that led here; undefined: the beginning. */
  readonly candidate: Candidate | undefined;
  readonly state: State;
  /** No answered operation with a higher number is lifted. */
  readonly highest: number;
  /** What open operations may lead to, here or before one of the open operations that led here. */
  readonly offers: ReadonlySet<string>;
}

const NO_OFFERS: ReadonlySet<string> = new Set();

class Search<State> {
  readonly #model: Model<State>;
  readonly #timeline: Timeline;
  readonly #stepsMax: number;
  readonly #memo = new Memo();
  readonly #names = new Map<string, number>();
  readonly #answered: Bits;
  readonly #open: Bits;
  readonly #path: Situation<State>[] = [];
  #steps = 0;

  constructor(operations: readonly Operation[], model: Model<State>, stepsMax: number) {
    this.#model = model;
    this.#stepsMax = stepsMax;
    this.#timeline = new Timeline(operations);
    this.#answered = new Bits(this.#timeline.answeredCount);
    this.#open = new Bits(this.#timeline.openCount);
  }

  run(): Found {
    let here: Situation<State> | undefined = this.#arrive(undefined, this.#model.initial, -1);
    while (here !== undefined && this.#timeline.left > 0) {
      if (this.#steps > this.#stepsMax) return { kind: 'budget', steps: this.#steps };
      here = this.#forward(here) ?? this.#back();
    }
    return here === undefined
      ? { kind: 'none', steps: this.#steps }
      : { kind: 'order', steps: this.#steps, order: this.#order() };
  }

  /** Into the first situation from here that is new. */
  #forward(here: Situation<State>): Situation<State> | undefined {
    for (; here.tried < here.options.length; here.tried += 1) {
      const { candidate, state, name } = here.options[here.tried] as Option<State>;
      this.#timeline.lift(candidate);
      this.#bitsOf(candidate).add(candidate.number);
      const isAnswered = candidate.end !== undefined;
      const highest = isAnswered ? Math.max(here.highest, candidate.number) : here.highest;
      if (this.#isNew(name, highest)) {
        here.tried += 1;
        return this.#arrive(candidate, state, highest);
      }
      this.#putBack(candidate);
    }
    return undefined;
  }

  /** Into the situation before this one, if there is one. */
  #back(): Situation<State> | undefined {
    const left = this.#path.pop();
    if (left?.candidate !== undefined) this.#putBack(left.candidate);
    return this.#path.at(-1);
  }

  #arrive(candidate: Candidate | undefined, state: State, highest: number): Situation<State> {
    const isByOpen = candidate !== undefined && candidate.end === undefined;
    const before = isByOpen ? (this.#path.at(-1)?.offers ?? NO_OFFERS) : NO_OFFERS;
    const all = this.#optionsIn(state);
    const options = all.filter((option) => !before.has(offerOf(option)));
    const offers = new Set([...before, ...all.filter(isOpen).map(offerOf)]);
    const here = { options, tried: 0, candidate, state, highest, offers };
    this.#path.push(here);
    return here;
  }

  #optionsIn(state: State): readonly Option<State>[] {
    const name = this.#nameOf(state);
    const options: Option<State>[] = [];
    for (const candidate of this.#timeline.candidates()) {
      const { operation, end } = candidate;
      if (this.#model.isLost(state, operation)) return [];
      this.#steps += 1;
      for (const next of this.#model.step(state, operation)) {
        const option = { candidate, state: next, name: this.#nameOf(next) };
        const isSame = option.name === name;
        if (isSame && this.#model.onlyLooked(operation)) return [option];
        if (!isSame || end !== undefined) options.push(option);
      }
    }
    return options.sort((one, other) => this.#rankOf(one) - this.#rankOf(other));
  }

  /** What is tried first has the lowest. */
  #rankOf({ candidate: { operation, end } }: Option<State>): number {
    if (end === undefined) return OPEN_RANK;
    return this.#model.onlyLooked(operation) ? end.place - OPEN_RANK : end.place;
  }

  #isNew(name: number, highest: number): boolean {
    const done = this.#answered.textBetween(this.#timeline.firstLeft, highest);
    return this.#memo.isNew(`${name} ${done}`, this.#open);
  }

  #putBack(candidate: Candidate): void {
    this.#timeline.putBack(candidate);
    this.#bitsOf(candidate).delete(candidate.number);
  }

  #bitsOf({ end }: Candidate): Bits {
    return end === undefined ? this.#open : this.#answered;
  }

  /** States by number: the texts are long, and there are few different ones. */
  #nameOf(state: State): number {
    const text = this.#model.describe(state);
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    this.#names.set(text, this.#names.size);
    return this.#names.size - 1;
  }

  #order(): readonly Operation[] {
    return this.#path.flatMap(({ candidate }) => candidate?.operation ?? []);
  }
}

function isOpen<State>({ candidate }: Option<State>): boolean {
  return candidate.end === undefined;
}

/** Of an open operation: what it may lead to. No answered one has the same. */
function offerOf<State>({ candidate, name }: Option<State>): string {
  return candidate.end === undefined ? `${candidate.number}>${name}` : '';
}
