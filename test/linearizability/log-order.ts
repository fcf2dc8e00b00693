/**
 * One log, one order: an operation that began after another was over has the higher index in the log,
 * whatever keys the two are about. This is checked over the whole history at once, and costs no search.
 */
import { answeredAt, type Operation } from './history.ts';

export interface Inversion {
  /** Was over first, and stands later in the log. */
  readonly earlier: Operation;
  readonly later: Operation;
}

/** `indexOf`: of the entry an operation became; undefined when it became none, or nobody knows. */
export function findInversion(
  operations: Iterable<Operation>,
  indexOf: (operation: Operation) => number | undefined,
): Inversion | undefined {
  const logged = [...operations].filter(
    (one) => one.answer.kind === 'answered' && indexOf(one) !== undefined,
  );
  const ended = logged.toSorted((one, other) => answeredAt(one) - answeredAt(other));
  let place = 0;
  let highest: Operation | undefined;
  for (const later of logged.toSorted((one, other) => one.calledAt - other.calledAt)) {
    for (; place < ended.length; place += 1) {
      const next = ended[place] as Operation;
      if (answeredAt(next) >= later.calledAt) break;
      if (highest === undefined || Number(indexOf(next)) > Number(indexOf(highest))) highest = next;
    }
    if (highest !== undefined && Number(indexOf(highest)) >= Number(indexOf(later)))
      return { earlier: highest, later };
  }
  return undefined;
}
