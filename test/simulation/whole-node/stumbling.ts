/**
 * A projection whose one rule always fails, after it has changed a table: in deciding, or in folding its second
 * fact. Simulated nodes have it beside those of the source, and somebody asks for it now and then.
 */
import { z } from 'zod';
import {
  command,
  type FoldsOf,
  projection,
  type Projection,
} from '../../../src/projections/projection.ts';
import { MAIN_PROJECTIONS } from '../../../src/projections/registry.ts';
import type { TableDefinition } from '../../../src/projections/table.ts';
import type { Chance } from '../raft-core/chance.ts';
import type { World } from './world.ts';

/** The command that fails. */
export const STUMBLE = 'stumble';
const WAYS = ['decide', 'fold'] as const;
const EVERY_MS = 1_500;

interface Stumble {
  readonly id: string;
}

/** Never a row stays in it. */
export const STUMBLES: TableDefinition<Stumble> = {
  name: 'stumbles',
  key: ({ id }) => id,
  columns: ['id'],
  indexes: {},
  counters: {},
};

type Facts = { readonly type: 'stepped'; readonly id: string } | { readonly type: 'fell' };

const folds: FoldsOf<Facts> = {
  stepped: (tables, { id }) => tables.of(STUMBLES).put({ id }),
  fell: () => {
    throw new Error('a fold that fails');
  },
};

const stumbling = projection({
  name: 'stumbling',
  summary: 'A rule that fails.',
  tables: [STUMBLES],
  commands: {
    [STUMBLE]: command({
      schema: z.object({ way: z.enum(WAYS) }),
      traffic: 'data',
      summary: 'Changes a row, and fails.',
      decide: (ruling, { way }) => {
        ruling.emit<Facts>({ type: 'stepped', id: `s${ruling.index}` });
        if (way === 'decide') throw new Error('a rule that fails');
        ruling.emit<Facts>({ type: 'fell' });
        return undefined;
      },
    }),
  },
  folds,
  due: () => ({ duties: [], next_at: undefined }),
});

/** What simulated nodes fold of main. */
export const SIMULATED_PROJECTIONS: readonly Projection[] = [...MAIN_PROJECTIONS, stumbling];

/** Asks for what fails, at any node, until it is told to stop. */
export class Stumbler {
  readonly #world: World;
  readonly #chance: Chance;
  #stopped = false;

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.chance.named('stumbler');
    if (world.plan.clients > 0) void this.#live();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #live(): Promise<void> {
    while (!this.#stopped) {
      await this.#world.sleep(this.#chance.between(0, EVERY_MS * 2));
      const data = { way: this.#chance.pick(WAYS) };
      const node = this.#chance.pick(this.#world.nodes);
      const reply = await this.#world.clients.command(node, {
        type: STUMBLE,
        data,
        actor: 'stumbler',
      });
      if (reply?.members.code === 'rule-fault') this.#world.story.figures.count('rule failed');
    }
  }
}
