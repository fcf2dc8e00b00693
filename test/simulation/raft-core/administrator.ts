/**
 * Somebody who wants certain nodes to vote and brings the group there by changes, one at a time: an empty
 * store is taken in as a learner first and votes once it has caught up; a store that is gone is let go.
 */
import {
  type Configuration,
  type Member,
  VOTERS_MAX,
} from '../../../src/protocols/raft/core/configuration.ts';
import type { Settled, WantedMembers } from '../../../src/protocols/raft/core/input.ts';
import type { Asked } from './asked.ts';
import { Chance } from './chance.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

const LOOKS_EVERY_MS = 60;
const PATIENCE_MS = 1_500;
const VOTERS_MOST = 5;

export class Administrator {
  readonly #world: World;
  #voters: ReadonlySet<string>;
  #learners: ReadonlySet<string> = new Set();
  #pending: Asked | undefined;

  constructor(world: World) {
    this.#world = world;
    const { hosts, plan } = world;
    this.#voters = new Set(hosts.slice(0, plan.voters).map(({ id }) => id));
    this.#look();
  }

  /** Wants other members from now on. */
  wish(draw: number): void {
    const chance = new Chance(draw);
    const ids = this.#world.hosts.map(({ id }) => id);
    const shuffled = ids
      .map((id) => ({ id, place: chance.unit() }))
      .sort((one, other) => one.place - other.place)
      .map(({ id }) => id);
    const voters = chance.whole(1, Math.min(VOTERS_MOST, shuffled.length));
    const learners = chance.below(3);
    this.#voters = new Set(shuffled.slice(0, voters));
    this.#learners = new Set(shuffled.slice(voters, voters + learners));
    this.#world.note(
      () => `wanted: ${[...this.#voters].join(' ')}, learning ${[...this.#learners].join(' ')}`,
    );
  }

  /** Whether the members are those wanted, with the stores they have now. */
  content(configuration: Configuration): boolean {
    const wanted = this.#wanted(configuration);
    return (
      configuration.outgoing.length === 0 &&
      wanted.voters.length === this.#voters.size &&
      sameStores(wanted.voters, configuration.voters) &&
      sameStores(wanted.learners, configuration.learners)
    );
  }

  /** Whether a change was asked for and may still come. */
  get waiting(): boolean {
    return this.#pending !== undefined;
  }

  settled(asked: Asked, settled: Settled): void {
    if (asked !== this.#pending) return;
    this.#pending = undefined;
    this.#world.note(() => `change ${asked.id}: ${JSON.stringify(settled)}`);
  }

  #look(): void {
    this.#world.scheduler.after(LOOKS_EVERY_MS, () => this.#look());
    const { leader, scheduler } = this.#world;
    const pending = this.#pending;
    if (pending !== undefined && scheduler.now - pending.at > PATIENCE_MS)
      this.#pending = undefined;
    if (pending?.outcome !== undefined) this.#pending = undefined;
    if (leader?.running === true && this.#pending === undefined) this.#improve(leader);
  }

  #improve(leader: Host): void {
    const { configuration } = leader.status;
    if (configuration.outgoing.length > 0 || this.content(configuration)) return;
    const wanted = this.#wanted(configuration);
    if (wanted.voters.length === 0) return;
    this.#pending = this.#world.ask(leader, 'change', 0);
    leader.tell({ kind: 'change', id: this.#pending.id, wanted });
  }

  /** The next step: while somebody wanted is not yet a member, who votes goes on voting beside. */
  #wanted({ voters, learners }: Configuration): WantedMembers {
    const alive = (members: readonly Member[]): readonly string[] =>
      members.filter((member) => this.#lives(member)).map(({ id }) => id);
    const known = new Set([...alive(voters), ...alive(learners)]);
    const missing = [...this.#voters].filter((id) => !known.has(id));
    const voting = new Set([...this.#voters].filter((id) => known.has(id)));
    const beside = missing.length > 0 ? alive(voters) : [];
    for (const id of beside) if (voting.size < VOTERS_MAX) voting.add(id);
    const learning = [...this.#learners, ...missing].filter((id) => !voting.has(id));
    return { voters: this.#members([...voting]), learners: this.#members(learning) };
  }

  #members(ids: readonly string[]): readonly Member[] {
    return this.#world.hosts
      .filter(({ id }) => ids.includes(id))
      .map(({ id, store }) => ({ id, store, addresses: [] }));
  }

  #lives({ id, store }: Member): boolean {
    return this.#world.hosts.some((host) => host.id === id && host.store === store);
  }
}

function sameStores(some: readonly Member[], others: readonly Member[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ store }) => others.some((one) => one.store === store))
  );
}
