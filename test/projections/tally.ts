/**
 * A projection for tests: one number per name, and commands that misbehave in every way a rule can.
 */
import { z } from 'zod';
import { REFUSAL_CODES, refuse } from '../../src/projections/outcome.ts';
import { command, type Decision, projection } from '../../src/projections/projection.ts';
import type { TableDefinition } from '../../src/projections/table.ts';

export interface TallyRow {
  readonly name: string;
  readonly sum: number;
  readonly changed_index: number;
}

export const TALLIES: TableDefinition<TallyRow> = {
  name: 'tallies',
  key: (row) => row.name,
  columns: ['name', 'sum', 'changed_index'],
  indexes: { by_sum: (row) => [[row.sum]] },
  counters: { sign: (row) => (row.sum < 0 ? 'negative' : undefined) },
};

type Facts =
  | { readonly type: 'tallied'; readonly name: string; readonly by: number }
  | { readonly type: 'tally_cursed'; readonly name: string }
  | { readonly type: 'tally_unwritable'; readonly how: unknown };

const NAMED = { name: z.string().default('t'), by: z.int().default(1) };

/** A value that no MessagePack can hold. */
function endless(): unknown {
  const ring: Record<string, unknown> = {};
  ring['self'] = ring;
  return ring;
}

export const tally = projection<Facts>({
  name: 'tally',
  summary: 'Counts.',
  tables: [TALLIES],
  commands: {
    add: command({
      summary: 'Adds.',
      traffic: 'data',
      schema: z.object(NAMED),
      changed: (tables, { name }) => tables.of(TALLIES).get(name)?.changed_index ?? 0,
      decide: (ruling, { name, by }) => {
        ruling.emit<Facts>({ type: 'tallied', name, by });
        return undefined;
      },
    }),
    add_each: command({
      summary: 'Adds to several; answers the sum each of them had.',
      traffic: 'data',
      schema: z.object({ names: z.array(z.string()) }),
      decide: (ruling, { names }): Decision => {
        const results = names.map((name) => {
          const sum = ruling.tables.of(TALLIES).get(name)?.sum ?? 0;
          ruling.emit<Facts>({ type: 'tallied', name, by: 1 });
          return sum;
        });
        return { results };
      },
    }),
    add_then_refuse: command({
      summary: 'Adds and is refused all the same.',
      traffic: 'data',
      schema: z.object({ ...NAMED, code: z.enum(REFUSAL_CODES).default('conflict') }),
      decide: (ruling, { name, by, code }) => {
        ruling.emit<Facts>({ type: 'tallied', name, by });
        return refuse(code, 'no');
      },
    }),
    add_then_throw: command({
      summary: 'Adds and throws.',
      traffic: 'data',
      schema: z.object(NAMED),
      decide: (ruling, { name, by }) => {
        ruling.emit<Facts>({ type: 'tallied', name, by });
        throw new Error('a defect in a rule');
      },
    }),
    add_then_curse: command({
      summary: 'Adds, and the fold of a second fact throws.',
      traffic: 'data',
      schema: z.object(NAMED),
      decide: (ruling, { name, by }) => {
        ruling.emit<Facts>({ type: 'tallied', name, by });
        ruling.emit<Facts>({ type: 'tally_cursed', name });
        return undefined;
      },
    }),
    add_nonsense: command({
      summary: 'Adds what is not a number, which an index cannot place.',
      traffic: 'data',
      schema: z.object(NAMED),
      decide: (ruling, { name, by }) => {
        ruling.emit<Facts>({ type: 'tallied', name, by });
        ruling.emit<Facts>({ type: 'tallied', name, by: Number.NaN });
        return undefined;
      },
    }),
    add_then_say_nothing_sensible: command({
      summary: 'Adds, and emits a fact that cannot be written down.',
      traffic: 'data',
      schema: z.object(NAMED),
      decide: (ruling, { name, by }) => {
        ruling.emit<Facts>({ type: 'tallied', name, by });
        ruling.emit<Facts>({ type: 'tally_unwritable', how: endless() });
        return undefined;
      },
    }),
    add_unknown_fact: command({
      summary: 'Adds, and emits a fact that nothing folds.',
      traffic: 'data',
      schema: z.object(NAMED),
      decide: (ruling, { name, by }) => {
        ruling.emit<Facts>({ type: 'tallied', name, by });
        ruling.emit({ type: 'of_no_projection' });
        return undefined;
      },
    }),
    add_double: command({
      summary: 'Adds twice as much; known since the second version of the rules.',
      since: 2,
      traffic: 'data',
      schema: z.object(NAMED),
      decide: (ruling, { name, by }) => {
        ruling.emit<Facts>({ type: 'tallied', name, by: 2 * by });
        return undefined;
      },
    }),
  },
  folds: {
    tallied: (tables, { name, by }, { index }) => {
      const sum = (tables.of(TALLIES).get(name)?.sum ?? 0) + by;
      tables.of(TALLIES).put({ name, sum, changed_index: index });
    },
    tally_cursed: (tables, { name }) => {
      tables.of(TALLIES).remove(name);
      throw new Error('a defect in a fold');
    },
    tally_unwritable: () => {},
  },
  due: (tables, { at }) => {
    const [lowest] = tables.of(TALLIES).select('by_sum', []);
    if (lowest === undefined || lowest.sum >= 0) return { duties: [], next_at: at + 5000 };
    return { duties: [{ type: 'add', data: { name: lowest.name, by: -lowest.sum } }], next_at: at };
  },
});

/** The commands above that are defects. */
export const DEFECTS = [
  'add_then_throw',
  'add_then_curse',
  'add_nonsense',
  'add_then_say_nothing_sensible',
  'add_unknown_fact',
] as const;
