/** Groups besides main that are created, used and ended while things go wrong; at the end nothing is left of them. */
import type { Command } from '../../../src/log/command.ts';
import { GROUPS } from '../../../src/projections/groups/group-table.ts';
import type { Chance } from '../raft-core/chance.ts';
import type { Running, SimulatedNode } from './node.ts';
import type { World } from './world.ts';

const PATIENCE_MS = 2_500;
const JOBS_AT_ONCE = 2;
const WRITES = 6;

export class Jobs {
  readonly #world: World;
  readonly #chance: Chance;
  #stopped = false;
  #made = 0;

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.chance.named('jobs');
    if (!world.plan.jobs) return;
    for (let one = 0; one < JOBS_AT_ONCE; one += 1) void this.#live(`worker-${one}`);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** What is still wrong with the groups, once all should be well. */
  missing(): readonly string[] {
    const tables = this.#world.leader?.running?.main.machine.tables;
    const rows = tables === undefined ? [] : [...tables.of(GROUPS).rows()];
    const wanted = new Set(
      rows
        .filter(({ state }) => state === 'founded')
        .map(({ id, incarnation }) => `${id}@${incarnation}`),
    );
    return this.#world.nodes.flatMap(({ id: node, running }) =>
      (running?.log.groups() ?? [])
        .filter(({ id, incarnation }) => id !== 'main' && !wanted.has(`${id}@${incarnation}`))
        .map(({ id }) => `${node} still has ${id}`),
    );
  }

  async #live(worker: string): Promise<void> {
    await this.#world.sleep(this.#chance.between(1_000, 3_000));
    while (!this.#stopped) {
      this.#made += 1;
      const job = `job/${this.#made}`;
      await this.#insist({ type: 'create_group', data: { id: job, kind: 'job' }, actor: worker });
      for (let write = 0; write < WRITES && !this.#stopped; write += 1) {
        const data = { name: `lock-${write % 3}`, owner: worker, ttl_seconds: 2 };
        await this.#ask(job, { type: 'acquire_lock', data, actor: worker });
        await this.#world.sleep(this.#chance.between(20, 800));
      }
      if (this.#chance.happens(0.5))
        await this.#ask(job, { type: 'seal', data: {}, actor: worker });
      else await this.#insist({ type: 'destroy_group', data: { id: job }, actor: worker });
      await this.#world.sleep(this.#chance.between(200, 2_000));
    }
  }

  async #insist(command: Command): Promise<void> {
    for (let attempt = 0; attempt < 5 && !this.#stopped; attempt += 1) {
      if (await this.#ask('main', command)) return;
      await this.#world.sleep(300);
    }
  }

  /** @returns whether it was answered */
  #ask(group: string, command: Command): Promise<boolean> {
    const node = this.#chance.pick(this.#world.nodes);
    return new Promise((resolve) => {
      this.#world.loop.after(PATIENCE_MS, () => resolve(false));
      const { serving } = node;
      if (serving === undefined) return;
      node.life.run(() => {
        void this.#proposed(node, serving, group, command).then((isAnswered) => {
          if (isAnswered) resolve(true);
        });
      });
    });
  }

  async #proposed(
    node: SimulatedNode,
    { main, groups }: Running,
    name: string,
    command: Command,
  ): Promise<boolean> {
    const group = name === 'main' ? main : await groups.group(name);
    const rule = group?.machine.command(command.type);
    if (group === undefined || rule === undefined) return false;
    const data = rule.schema.parse(command.data);
    const answer = await group.propose({ ...command, data }, rule.traffic);
    this.#world.story.figures.count(`${name === 'main' ? 'main' : 'job'} ${answer.kind}`);
    this.#world.note(() => `${command.type} in ${name} at ${node.id}: ${JSON.stringify(answer)}`);
    return answer.kind === 'answered';
  }
}
