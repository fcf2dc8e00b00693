/**
 * Letting another store take part: what a leader answers to a node that asks to join.
 *
 * ```
 *  ["join", members: the asker as only voter]
 *
 *   voter already ─────────────────────▶ ["voter", cluster]
 *   learner ─── caught up: promoted ───▶ ["learner", cluster]    it asks again until it votes
 *   its id is taken by a store that answers ─▶ ["refused", why]
 *   else: taken in as a learner ───────▶ ["learner", cluster]    a lost store under its id goes
 * ```
 *
 * A node that does not lead answers ["leader", address].
 */
import type { Member } from '../../log/members.ts';
import type { Milliseconds } from '../../log/time.ts';
import type { PeerIdentity } from '../transport/network.ts';
import type { Fields } from './fields.ts';
import type { RaftEngine } from './raft-engine.ts';

/** A store that spoke so recently lives: another under its id is a mistake, or a copy. */
const ALIVE_MS: Milliseconds = 5_000;

export interface AdmittingOptions {
  readonly engine: RaftEngine;
  readonly clusterId: () => string;
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
    const { engine, clusterId } = this.#options;
    if (this.#isAlive(candidate.id))
      return ['refused', `${candidate.id} is taken by a store that answers; choose another id`];
    const change = await engine.admit(candidate);
    return change.kind === 'changed' ? ['learner', clusterId()] : ['refused', change.reason];
  }

  /** Whether another store of this node spoke lately. */
  #isAlive(id: string): boolean {
    const silence = this.#options.engine.silenceOf(id);
    return silence !== undefined && silence < ALIVE_MS;
  }

  #addressOf(id: string | undefined): string {
    const { voters } = this.#options.engine.members();
    return voters.find((voter) => voter.id === id)?.addresses[0] ?? '';
  }
}

function isOf({ id, store }: Member, { nodeId, storeId }: PeerIdentity): boolean {
  return id === nodeId && store === storeId;
}

export function isIn(members: readonly Member[], { id, store }: Member): boolean {
  return members.some((member) => member.id === id && member.store === store);
}
