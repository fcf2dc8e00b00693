/**
 * Taking part in a group whose first members were said beforehand: every one of them founds it with the same
 * members. A store that is not among them, because its disk was emptied since, founds nothing and asks to be
 * let in (`returning.ts`), which whoever leads the group answers.
 */
import { isIn, type Member, type Members, NO_MEMBERS } from '../../log/members.ts';
import { Admitting, RETURN_TOPIC, objectionToStranger } from './admitting.ts';
import { RaftEngine, type RaftOptions } from './raft-engine.ts';

export interface FoundedOptions extends RaftOptions {
  /** What the group begins with, where this store has never taken part in it. */
  readonly voters: readonly Member[];
  /** Who takes part in `main`: whose store may take the place of a lost one. */
  readonly membersOfMain: () => Members;
}

export async function startFounded(options: FoundedOptions): Promise<RaftEngine> {
  const { log, voters, membersOfMain } = options;
  const engine = await RaftEngine.start(options);
  const admitting = new Admitting({
    engine,
    clusterId: () => log.identity.clusterId,
    objection: (candidate) => objectionToStranger(engine, membersOfMain(), candidate),
  });
  engine.answer(RETURN_TOPIC, (from, question) => admitting.answer(from, question));
  if (isFounder(engine, options)) await engine.found({ voters, outgoing: [], learners: [] });
  return engine;
}

function isFounder(engine: RaftEngine, { nodeId: id, log, voters }: FoundedOptions): boolean {
  const self = { id, store: log.identity.storeId, addresses: [] };
  return engine.members() === NO_MEMBERS && isIn(voters, self);
}
