/**
 * The calls and answers of some operations as one sequence: all that a checker may know about time.
 *
 * At the same moment calls come before answers, so that two operations of which one may have ended just as
 * the other began count as concurrent: the clock never accuses anybody.
 */
import { answeredAt, type Operation } from './history.ts';

export interface Moment {
  readonly kind: 'call' | 'answer';
  readonly at: number;
  readonly operation: Operation;
}

export function momentsOf(operations: readonly Operation[]): readonly Moment[] {
  const calls = operations.map((operation): Moment => ({
    kind: 'call',
    at: operation.calledAt,
    operation,
  }));
  const answers = operations
    .filter(({ answer }) => answer.kind === 'answered')
    .map((operation): Moment => ({ kind: 'answer', at: answeredAt(operation), operation }));
  return [...calls, ...answers].sort(
    (one, other) => one.at - other.at || order(one) - order(other) || idOf(one) - idOf(other),
  );
}

function order({ kind }: Moment): number {
  return kind === 'call' ? 0 : 1;
}

function idOf({ operation }: Moment): number {
  return operation.id;
}
