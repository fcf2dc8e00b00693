/**
 * The verdict on a whole history: each key by itself, since objects that are linearizable one by one are so
 * together (Herlihy and Wing, 1990, §3). Only one verdict is good; not knowing is none.
 */
import { endingOf } from './frontier.ts';
import { answeredAt, byKey, type Operation } from './history.ts';
import type { Model } from './model.ts';
import { findOrder, STEPS_MAX } from './wgl.ts';

export type Verdict =
  | { readonly kind: 'linearizable'; readonly keys: number; readonly steps: number }
  | { readonly kind: 'violation'; readonly violation: Violation }
  /** The budget of a key was used up. */
  | { readonly kind: 'undecided'; readonly key: string; readonly steps: number };

/** The smallest part of a history in which one sees that it cannot be. */
export interface Violation {
  readonly key: string;
  readonly model: Model<unknown>;
  /** The operation whose answer is the first that nothing explains. */
  readonly culprit: Operation;
  /** What the object may have been, and since which operation, just before. Empty: too many to tell. */
  readonly possible: readonly { readonly state: unknown; readonly since: Operation | undefined }[];
  /** The culprit, what was under way with it, and what led to the possible states; by call. */
  readonly window: readonly Operation[];
}

/** Open operations of a window that are told of: beyond, only those that began last. */
const OPEN_TOLD_MAX = 12;

export interface CheckOptions {
  /** Questions to the model per key. */
  readonly steps?: number;
  /** What an operation was about, for people who watch. */
  readonly onKey?: (key: string) => void;
}

export function check(
  operations: Iterable<Operation>,
  modelOf: (key: string) => Model<unknown>,
  { steps = STEPS_MAX, onKey = () => undefined }: CheckOptions = {},
): Verdict {
  const histories = byKey(operations);
  let total = 0;
  for (const [key, history] of histories) {
    onKey(key);
    const model = modelOf(key);
    const found = findOrder(history, model, steps);
    total += found.steps;
    if (found.kind === 'budget') return { kind: 'undecided', key, steps: found.steps };
    if (found.kind === 'none') return { kind: 'violation', violation: explain(history, model) };
  }
  return { kind: 'linearizable', keys: histories.size, steps: total };
}

function explain(history: readonly Operation[], model: Model<unknown>): Violation {
  const ending = endingOf(history, model);
  if (ending.kind === 'culprit') {
    const { culprit, possible, underWay } = ending;
    const since = possible.flatMap((possibility) => possibility.since ?? []);
    const window = byCall([culprit, ...toldOf(underWay), ...since]);
    return { key: culprit.key, model, culprit, possible: distinct(possible, model), window };
  }
  const culprit = firstUnexplained(history, model);
  const window = byCall([culprit, ...concurrentWith(culprit, history)]);
  return { key: culprit.key, model, culprit, possible: [], window };
}

function toldOf(underWay: readonly Operation[]): readonly Operation[] {
  const open = underWay.filter(({ answer }) => answer.kind === 'open');
  const answered = underWay.filter(({ answer }) => answer.kind === 'answered');
  return [...answered, ...byCall(open).slice(-OPEN_TOLD_MAX)];
}

function byCall(operations: readonly Operation[]): readonly Operation[] {
  return [...new Set(operations)].sort((one, other) => one.calledAt - other.calledAt);
}

function distinct(possible: Violation['possible'], model: Model<unknown>): Violation['possible'] {
  return [...new Map(possible.map((one) => [model.describe(one.state), one] as const)).values()];
}

/**
 * By halves: what a history says until some moment is either explained or not, and once it is not, it never
 * is again. What was under way at that moment counts as open.
 */
function firstUnexplained(history: readonly Operation[], model: Model<unknown>): Operation {
  const ends = history
    .filter(({ answer }) => answer.kind === 'answered')
    .sort((one, other) => answeredAt(one) - answeredAt(other));
  let [explained, unexplained] = [0, ends.length];
  while (unexplained - explained > 1) {
    const middle = (explained + unexplained) >> 1;
    const until = answeredAt(ends[middle - 1] as Operation);
    if (findOrder(untilMoment(history, until), model).kind === 'order') explained = middle;
    else unexplained = middle;
  }
  return ends[unexplained - 1] as Operation;
}

/** What was known of a history at a moment. */
export function untilMoment(history: readonly Operation[], until: number): readonly Operation[] {
  return history
    .filter(({ calledAt }) => calledAt <= until)
    .map((one) => (answeredAt(one) <= until ? one : { ...one, answer: { kind: 'open' } }));
}

function concurrentWith(culprit: Operation, history: readonly Operation[]): readonly Operation[] {
  const isConcurrent = (one: Operation): boolean =>
    one.calledAt <= answeredAt(culprit) && answeredAt(one) >= culprit.calledAt;
  return toldOf(history.filter((one) => one !== culprit && isConcurrent(one)));
}
