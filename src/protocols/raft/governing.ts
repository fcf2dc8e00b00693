/**
 * Who takes part and who leads, changed on purpose: by an operator, by a node that joins, by a leader
 * that goes. Only the leader can; a follower carries the wish to it.
 */
import type { Clock } from '../../log/time.ts';
import { type Member, type Members, membersById, named } from '../../log/members.ts';
import type { Configuration, ConfigurationChange } from '../engine.ts';
import { changeOf } from './change-refusals.ts';
import type { Timing, WantedMembers } from './core/input.ts';
import type { CoreHost } from './core-host.ts';
import type { Forwarding } from './forwarding.ts';
import type { Settling } from './settling.ts';

export interface GoverningOptions {
  readonly nodeId: string;
  readonly host: CoreHost;
  readonly settling: Settling;
  readonly forwarding: () => Forwarding;
  readonly members: () => Members;
  readonly clock: Clock;
  /** Why these should not leave, for people; undefined where they may. */
  readonly objectionTo: (
    leaving: readonly string[],
    staying: readonly string[],
  ) => Promise<string | undefined>;
  /** A leader that goes waits for another for as long as an election may take to begin. */
  readonly timing: Pick<Timing, 'election'>;
}

export class Governing {
  readonly #options: GoverningOptions;

  constructor(options: GoverningOptions) {
    this.#options = options;
  }

  /** Only nodes that take part already can be named: another joins by `admit`. */
  async change({ voters, learners }: Configuration): Promise<ConfigurationChange> {
    const known = membersById(this.#options.members());
    const unknown = [...voters, ...learners].find((id) => !known.has(id));
    if (unknown === undefined)
      return this.#change({ voters: named(known, voters), learners: named(known, learners) });
    const reason = `${unknown} takes no part yet: it has to join first`;
    return { kind: 'refused', code: 'unknown-member', reason };
  }

  /** Takes a store in as a learner; another store under its id has lost its disk and is replaced. */
  admit(member: Member): Promise<ConfigurationChange> {
    const { voters, learners } = this.#options.members();
    const isOther = ({ id }: Member): boolean => id !== member.id;
    return this.#change({
      voters: voters.filter(isOther),
      learners: [...learners.filter(isOther), member],
    });
  }

  /** Lets a learner that has caught up vote. */
  promote(id: string): Promise<ConfigurationChange> {
    const { voters, learners } = this.#options.members();
    return this.change({
      voters: [...voters.map((voter) => voter.id), id],
      learners: learners.map((learner) => learner.id).filter((learner) => learner !== id),
    });
  }

  /** Hands leadership to a voter, or to the one that is furthest. */
  transfer(to: string | undefined): Promise<ConfigurationChange> {
    const leader = this.otherLeader;
    if (leader === undefined) return this.transferHere(to);
    return this.#options.forwarding().transfer(leader, to);
  }

  /** Who leads, unless it is this node or nobody. */
  get otherLeader(): string | undefined {
    const { host, nodeId } = this.#options;
    return host.leader === nodeId ? undefined : host.leader;
  }

  async changeHere(wanted: WantedMembers): Promise<ConfigurationChange> {
    const { host, settling } = this.#options;
    const reason = await this.#objectionTo(wanted);
    if (reason !== undefined) return { kind: 'refused', code: 'history-held', reason };
    const { id, settled } = settling.enter(changeOf);
    host.step({ kind: 'change', id, wanted });
    return settled;
  }

  transferHere(to: string | undefined): Promise<ConfigurationChange> {
    const { host, settling } = this.#options;
    const { id, settled } = settling.enter(changeOf);
    host.step({ kind: 'transfer', id, to });
    return settled;
  }

  /** A leader that goes on purpose leaves another behind, so that nobody has to find out that it is gone. */
  async handOver(): Promise<void> {
    const { host, nodeId, members, clock, timing } = this.#options;
    if (members().voters.length < 2 || host.leader !== nodeId) return;
    let cancel: () => void = () => undefined;
    const enough = new Promise<void>((resolve) => {
      cancel = clock.after(timing.election.most, resolve);
    });
    await Promise.race([this.transferHere(undefined), enough]);
    cancel();
  }

  #objectionTo({ voters, learners }: WantedMembers): Promise<string | undefined> {
    const { members, objectionTo } = this.#options;
    const staying = [...voters, ...learners].map(({ id }) => id);
    const leaving = [...membersById(members()).keys()].filter((id) => !staying.includes(id));
    return objectionTo(leaving, staying);
  }

  #change(wanted: WantedMembers): Promise<ConfigurationChange> {
    const leader = this.otherLeader;
    if (leader === undefined) return this.changeHere(wanted);
    return this.#options.forwarding().change(leader, wanted);
  }
}
