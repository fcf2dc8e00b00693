/** A rule for every kind of a union, found by its kind: the table is complete, or it does not compile. */
import type { Raft } from './state.ts';

interface Kinded {
  readonly kind: string;
}

export type Rules<Union extends Kinded> = {
  readonly [Kind in Union['kind']]: (
    raft: Raft,
    subject: Extract<Union, { readonly kind: Kind }>,
  ) => void;
};

export function dispatch<Union extends Kinded>(
  rules: Rules<Union>,
  raft: Raft,
  subject: Union,
): void {
  // The table's type says that the rule found by a kind takes that kind; the compiler cannot follow it.
  const rule = rules[subject.kind as Union['kind']] as (raft: Raft, subject: Union) => void;
  rule(raft, subject);
}
