/** Somebody who now and then wants other nodes to vote, and asks the cluster for it. */
import { Chance } from '../raft-core/chance.ts';
import type { World } from './world.ts';

/** A change that was asked for so long ago has happened, or will not. */
const DOUBT_MS = 4_000;

export class Administrator {
  readonly #world: World;

  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(world: World) {
    this.#world = world;
  }

  /** Whether a change may still come of what was asked. */
  get isWaiting(): boolean {
    return this.#world.loop.now - this.#askedAt < DOUBT_MS;
  }

  /** Asks for other voters, of those who take part. What is refused is refused. */
  wish(draw: number): void {
    const chance = new Chance(draw);
    const asked = chance.happens(0.7) ? this.#world.leader : chance.pick(this.#world.nodes);
    const serving = asked?.serving;
    // As the leader knows it: a node that is behind may not know of who has just joined.
    const members = this.#world.leader?.serving?.main.members();
    if (asked === undefined || serving === undefined || members === undefined) return;
    // Whose disk is lost is to come back first: until then everybody else is needed.
    if (this.#world.trouble.hasLost(members.voters)) return;
    this.#askedAt = this.#world.loop.now;
    const { voters, learners } = members;
    const ids = [...voters, ...learners].map(({ id }) => id);
    const shuffled = ids
      .map((id) => ({ id, place: chance.unit() }))
      .sort((one, other) => one.place - other.place)
      .map(({ id }) => id);
    // More than half of those who vote now stay: a change that strands a cluster is the asker's own doing.
    const stay = shuffled.filter((id) => voters.some((voter) => voter.id === id));
    const kept = stay.slice(0, Math.floor(stay.length / 2) + 1);
    const others = shuffled.filter((id) => !kept.includes(id));
    const more = chance.below(others.length + 1);
    const wanted = { voters: [...kept, ...others.slice(0, more)], learners: others.slice(more) };
    this.#world.note(() => `wanted at ${asked.id}: ${JSON.stringify(wanted)}`);
    asked.life.run(() => {
      void serving.main.change(wanted).then((change) => {
        this.#world.story.figures.count(`change ${change.kind}`);
        this.#world.note(() => `change: ${JSON.stringify(change)}`);
      });
    });
  }
}
