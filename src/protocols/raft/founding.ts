/**
 * Taking part in a group whose first members were said beforehand: every one of them founds it with the same
 * members. A store that is not among them, because its disk was emptied since, founds nothing and waits to be
 * let in.
 */
import type { Member } from '../../log/members.ts';
import { isIn } from './admitting.ts';
import { RaftEngine, type RaftOptions } from './raft-engine.ts';

/** @param voters what the group begins with, where this store has never taken part in it */
export async function startFounded(
  options: RaftOptions,
  voters: readonly Member[],
): Promise<RaftEngine> {
  const engine = await RaftEngine.start(options);
  if (isFounder(engine, options, voters))
    await engine.found({ voters, outgoing: [], learners: [] });
  return engine;
}

function isFounder(
  engine: RaftEngine,
  { nodeId: id, log }: RaftOptions,
  voters: readonly Member[],
): boolean {
  const self = { id, store: log.identity.storeId, addresses: [] };
  return engine.members().voters.length === 0 && isIn(voters, self);
}
