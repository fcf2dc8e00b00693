/**
 * What is to be when faults end and a majority lives, and how long it takes (`laws/nothing-stuck.ts`): one leader, every node
 * a member that has applied the same and holds the whole log, unless it is told to trim it, a fresh write
 * answered through every node, groups that are over gone.
 */
import type { SimulatedNode } from './node.ts';
import type { World } from './world.ts';

/** Everything must be well after so long; the longest pause of a loop is the five seconds of a group to reopen. */
const BOUND_MS = 60_000;
const LOOKS_EVERY_MS = 100;

export class Recovery {
  readonly #world: World;
  readonly #served = new Set<SimulatedNode>();
  #asking = 0;
  #asked = 0;

  constructor(world: World) {
    this.#world = world;
  }

  async run(): Promise<void> {
    const { trouble, clients, jobs, stumbler, loop } = this.#world;
    this.#world.note(() => '══ faults end');
    trouble.end();
    clients.stop();
    jobs.stop();
    stumbler.stop();
    let missing: readonly string[] = ['nobody has looked'];
    const look = (): void => {
      missing = this.#missing();
      if (missing.length > 0) loop.after(LOOKS_EVERY_MS, look);
    };
    loop.after(0, look);
    await this.#world.runUntil(loop.now + BOUND_MS, () => missing.length === 0);
    if (!this.#world.broken) this.#world.laws.tell('recovered', missing);
  }

  #missing(): readonly string[] {
    const { nodes, clients, follower, leader } = this.#world;
    const down = nodes.filter(({ serving }) => serving === undefined);
    if (down.length > 0) return [`${down.map(({ id }) => id).join(' ')} do not serve`];
    const leaders = nodes.filter(({ serving }) => serving?.main.isLeader === true);
    if (leader === undefined || leaders.length > 1) return [`${leaders.length} lead`];
    const unserved = nodes.filter((node) => !this.#served.has(node));
    for (const node of unserved) this.#write(node);
    const { index } = leader.running!.main.machine.position;
    return [
      ...unserved.map(({ id }) => `no fresh write through ${id}`),
      ...(clients.isQuiet ? [] : ['a client waits']),
      ...nodes.flatMap((node) => this.#differences(node, leader)),
      ...(follower.cursor < index ? [`a follower is at ${follower.cursor} of ${index}`] : []),
      ...this.#world.jobs.missing(),
    ];
  }

  #differences(node: SimulatedNode, leader: SimulatedNode): readonly string[] {
    const [own, theirs] = [node.running!, leader.running!];
    const { voters, learners } = theirs.main.members();
    const isMember = [...voters, ...learners].some(
      ({ id, store }) => id === node.id && store === node.storeId,
    );
    if (!isMember) return [`${node.id} is no member`];
    const lacks = this.#world.plan.retention.kind === 'all' ? own.main.status().history.missing : 0;
    const parts: readonly (readonly [string, unknown, unknown])[] = [
      ['lacks entries from the first on', lacks, 0],
      ['has applied', own.main.machine.position.index, theirs.main.machine.position.index],
      ['has decided', own.main.machine.digest(), theirs.main.machine.digest()],
      ['is in term', own.main.status().term, theirs.main.status().term],
    ];
    return parts
      .filter(([, one, other]) => one !== other)
      .map(
        ([what, one, other]) => `${node.id} ${what} ${String(one)}, ${leader.id} ${String(other)}`,
      );
  }

  #write(node: SimulatedNode): void {
    if (this.#asking > 0) return;
    this.#asking += 1;
    this.#asked += 1;
    const data = { work_id: `fresh-${this.#asked}` };
    void this.#world.clients
      .command(node, { type: 'add_work', data, actor: 'recovery' })
      .then((reply) => {
        this.#asking -= 1;
        if (reply?.status === 200) this.#served.add(node);
      });
  }
}
