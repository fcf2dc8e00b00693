/**
 * What cannot be, if this core and its peers keep the rules. Going on could lose what was promised, so the
 * host ends the node; nothing foreign to Raft (a late, lost, doubled or garbled message) leads here.
 */
export class RaftBug extends Error {
  override readonly name = 'RaftBug';
}

/** @throws RaftBug unless it holds */
export function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) throw new RaftBug(what);
}
