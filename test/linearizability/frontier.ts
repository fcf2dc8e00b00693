/**
 * Where a history stops making sense: the first answer that no order explains, and what was still possible
 * just before it.
 *
 * The moments are read once, in order, with everything that may be true of the object: its state, which of
 * the operations under way have taken effect already, and which open ones were made to. An answer leaves
 * those possibilities in which its operation has taken effect, at the latest now. Where none is left stands
 * the culprit. This is another algorithm than the search of `wgl.ts` (Lowe's just-in-time linearization
 * without the tree), slower and with a better memory: it says why, and each is a check on the other.
 */
import type { Operation } from './history.ts';
import { momentsOf } from './event-order.ts';
import type { Model } from './model.ts';

/** One thing that may be true. */
export interface Possibility<State> {
  readonly state: State;
  /** Operations under way or open that have taken effect. */
  readonly taken: ReadonlySet<Operation>;
  /** The operation that led to this state; undefined: the object is as it was in the beginning. */
  readonly since: Operation | undefined;
}

export type Ending<State> =
  | { readonly kind: 'explained'; readonly possible: readonly Possibility<State>[] }
  | {
      readonly kind: 'culprit';
      /** Its answer is the first that nothing explains. */
      readonly culprit: Operation;
      /** What may have been true when it came. */
      readonly possible: readonly Possibility<State>[];
      /** What was under way then, itself not among them. */
      readonly underWay: readonly Operation[];
    }
  /** More possibilities than the budget. */
  | { readonly kind: 'budget' };

const STEPS_MAX = 1_000_000;

export function endingOf<State>(
  operations: readonly Operation[],
  model: Model<State>,
  stepsMax = STEPS_MAX,
): Ending<State> {
  return new Frontier(model, stepsMax).read(operations);
}

class Frontier<State> {
  readonly #model: Model<State>;
  readonly #underWay = new Set<Operation>();
  #possible: readonly Possibility<State>[];
  #stepsLeft: number;

  constructor(model: Model<State>, stepsMax: number) {
    this.#model = model;
    this.#stepsLeft = stepsMax;
    this.#possible = [{ state: model.initial, taken: new Set(), since: undefined }];
  }

  read(operations: readonly Operation[]): Ending<State> {
    for (const { kind, operation } of momentsOf(operations)) {
      if (kind === 'call') this.#underWay.add(operation);
      else {
        const possible = this.#withEffectOf(operation);
        if (this.#stepsLeft < 0) return { kind: 'budget' };
        if (possible.length === 0) return this.#culprit(operation);
        this.#underWay.delete(operation);
        this.#possible = possible;
      }
    }
    return { kind: 'explained', possible: this.#possible };
  }

  #culprit(culprit: Operation): Ending<State> {
    const underWay = [...this.#underWay].filter((operation) => operation !== culprit);
    return { kind: 'culprit', culprit, possible: this.#possible, underWay };
  }

  /** What may be true now that this operation is over: it took effect before, or does so after some others. */
  #withEffectOf(operation: Operation): readonly Possibility<State>[] {
    const ended = new Distinct(this.#model);
    const waiting = new Distinct(this.#model);
    for (const possibility of this.#possible)
      (possibility.taken.has(operation) ? ended : waiting).add(possibility);
    // Possibilities are added while they are read: those that others lead to.
    for (const possibility of waiting.inOrder())
      for (const next of this.#followers(possibility))
        (next.taken.has(operation) ? ended : waiting).add(next);
    return [...ended.inOrder()].map((possibility) => without(possibility, operation));
  }

  *#followers(possibility: Possibility<State>): Generator<Possibility<State>> {
    const { state, taken } = possibility;
    for (const operation of this.#underWay) {
      if (taken.has(operation)) continue;
      this.#stepsLeft -= 1;
      if (this.#stepsLeft < 0) return;
      for (const next of this.#model.step(state, operation)) {
        const isSame = this.#model.describe(next) === this.#model.describe(state);
        // An open operation that changes nothing may as well not have happened.
        if (isSame && operation.answer.kind === 'open') continue;
        const since = isSame ? possibility.since : operation;
        yield { state: next, taken: new Set([...taken, operation]), since };
      }
    }
  }
}

function without<State>(possibility: Possibility<State>, operation: Operation): Possibility<State> {
  const taken = new Set(possibility.taken);
  taken.delete(operation);
  return { ...possibility, taken };
}

/** Possibilities none of which makes another superfluous, as `memo.ts` has it. */
class Distinct<State> {
  readonly #model: Model<State>;
  readonly #groups = new Map<string, Possibility<State>[]>();
  readonly #all: Possibility<State>[] = [];

  constructor(model: Model<State>) {
    this.#model = model;
  }

  add(possibility: Possibility<State>): void {
    const answered = [...possibility.taken].filter(({ answer }) => answer.kind === 'answered');
    const ids = answered.map(({ id }) => id).sort((one, other) => one - other);
    const name = `${this.#model.describe(possibility.state)} ${ids.join(',')}`;
    const known = this.#groups.get(name) ?? [];
    if (known.some((before) => isWithin(before.taken, possibility.taken))) return;
    this.#groups.set(name, [...known, possibility]);
    this.#all.push(possibility);
  }

  /** Sees what is added meanwhile, too. */
  inOrder(): Iterable<Possibility<State>> {
    return this.#all;
  }
}

function isWithin<Member>(some: ReadonlySet<Member>, others: ReadonlySet<Member>): boolean {
  return some.size <= others.size && [...some].every((member) => others.has(member));
}
