/**
 * Assertions for rooms that may not import from Node: an impossibility is a fault, never a refusal.
 *
 * @param about what it is about, put into words only when it does not hold: asserts stand on hot paths
 */
export function assert(holds: unknown, what: string, about?: string | number): asserts holds {
  if (!holds) throw new Error(`impossible: ${what}${about === undefined ? '' : `: ${about}`}`);
}
