/**
 * Letting another store take part: what a leader answers to a node that asks to join.
 *
 * ```
 *  ["join", members: the asker as only voter]      ["return", group, incarnation, members]
 *
 *   voter already ─────────────────────▶ ["voter", cluster]
 *   learner ─── caught up: promoted ───▶ ["learner", cluster]    it asks again until it votes
 *   an objection ──────────────────────▶ ["refused", why]
 *   else: taken in as a learner ───────▶ ["learner", cluster]    a lost store under its id goes
 * ```
 *
 * A node that does not lead answers ["leader", address].
 *
 * Into `main` anybody is let in whose id is not in use. Into another group only who belongs there: a node
 * that takes part in it already, with the store that `main` knows it by.
 */
import { isIn, type Member, type Members, membersById } from '../../log/members.ts';
import type { Milliseconds } from '../../log/time.ts';
import type { PeerIdentity } from '../transport/network.ts';
import type { Fields } from './fields.ts';
import type { RaftEngine } from './raft-engine.ts';

/** Asked of a node, about `main`. */
export const JOIN_TOPIC = 'join';
/** Asked of any other group. */
export const RETURN_TOPIC = 'return';

/** A store that spoke so recently lives: another under its id is a mistake, or a copy. */
const ALIVE_MS: Milliseconds = 5_000;

export interface AdmittingOptions {
  readonly engine: RaftEngine;
  readonly clusterId: () => string;
  /** Why a store that takes no part yet may not, if so. */
  readonly objection: (candidate: Member) => string | undefined;
}

type Verdict = readonly [kind: 'voter' | 'learner' | 'refused' | 'leader', detail: string];

export class Admitting {
  readonly #options: AdmittingOptions;

  constructor(options: AdmittingOptions) {
    this.#options = options;
  }

  async answer(from: PeerIdentity, question: Fields): Promise<Verdict> {
    const [candidate] = question.members().voters;
    if (candidate === undefined || !isOf(candidate, from))
      return ['refused', 'a node asks for itself only'];
    const { role, leader_id } = this.#options.engine.status();
    return role === 'leader' ? this.#admit(candidate) : ['leader', this.#addressOf(leader_id)];
  }

  #admit(candidate: Member): Verdict | Promise<Verdict> {
    const { engine, clusterId } = this.#options;
    const { voters, learners } = engine.members();
    if (isIn(voters, candidate)) return ['voter', clusterId()];
    return isIn(learners, candidate) ? this.#promote(candidate) : this.#takeIn(candidate);
  }

  /** Refused while it has not caught up; it asks again. */
  async #promote({ id }: Member): Promise<Verdict> {
    await this.#options.engine.promote(id);
    return ['learner', this.#options.clusterId()];
  }

  async #takeIn(candidate: Member): Promise<Verdict> {
    const { engine, clusterId, objection } = this.#options;
    const why = objection(candidate);
    if (why !== undefined) return ['refused', why];
    const change = await engine.admit(candidate);
    return change.kind === 'changed' ? ['learner', clusterId()] : ['refused', change.reason];
  }

  #addressOf(id: string | undefined): string {
    const { voters } = this.#options.engine.members();
    return voters.find((voter) => voter.id === id)?.addresses[0] ?? '';
  }
}

/** In `main`: another store of this node spoke lately. */
export function objectionToAlive(engine: RaftEngine, { id }: Member): string | undefined {
  const silence = engine.silenceOf(id);
  if (silence === undefined || silence >= ALIVE_MS) return undefined;
  return `${id} is taken by a store that answers; choose another id`;
}

/** In any other group: the node does not belong to it, or `main` does not know this store of it. */
export function objectionToStranger(
  engine: RaftEngine,
  main: Members,
  { id, store }: Member,
): string | undefined {
  if (!membersById(engine.members()).has(id)) return `${id} takes no part in this group`;
  if (membersById(main).get(id)?.store === store) return undefined;
  return `${id} has not come back to main with this store yet`;
}

function isOf({ id, store }: Member, { nodeId, storeId }: PeerIdentity): boolean {
  return id === nodeId && store === storeId;
}
