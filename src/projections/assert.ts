/** Assertions for rooms that may not import from Node: an impossibility is a fault, never a refusal. */
export function assert(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(`impossible: ${what}`);
}
