/**
 * The rules version in force, and the roots of the state that were agreed.
 *
 * `raise_rules_version` is proposed only when every voter and learner supports the version; from its
 * index on, `decide` and the row formats of that version are used, on every node and in every replay.
 * `state_root` records, after a snapshot, what the state at its index hashes to: auditable for ever.
 */
import { z } from 'zod';
import { refuse } from './outcome.ts';
import { command, projection, type ReadonlyTables } from './projection.ts';
import type { TableDefinition } from './table.ts';

/** The newest rules this build knows. */
export const RULES_VERSION = 1;
/** Older agreed roots stay in the log; the table keeps the newest. */
const STATE_ROOTS_MAX = 1000;

interface RulesRow {
  readonly name: 'rules';
  readonly version: number;
  readonly raised_index: number;
}

export interface StateRootRow {
  readonly at_index: number;
  readonly digest: string;
  readonly roots: Readonly<Record<string, string>>;
  readonly rules: number;
}

export const RULES: TableDefinition<RulesRow> = {
  name: 'rules',
  key: (row) => row.name,
  columns: ['name', 'version', 'raised_index'],
};

export const STATE_ROOTS: TableDefinition<StateRootRow> = {
  name: 'state_roots',
  key: (row) => String(row.at_index),
  columns: ['at_index', 'digest', 'roots', 'rules'],
  indexes: { by_index: ['at_index'] },
};

type Facts =
  | { readonly type: 'rules_version_raised'; readonly version: number }
  | ({ readonly type: 'state_root_agreed' } & StateRootRow);

/** The rules version that decides the next entry. */
export function rulesInForce(tables: ReadonlyTables): number {
  return tables.of(RULES).get('rules')?.version ?? 1;
}

const HASH = z.string().regex(/^[0-9a-f]{64}$/);
const INDEX = z.int().min(0);
const MEMBERS = z.array(
  z.object({ id: z.string(), store: z.string(), addresses: z.array(z.string()) }),
);

export const rules = projection<Facts>({
  name: 'rules',
  summary: 'The rules version in force and the agreed roots of the state.',
  tables: [RULES, STATE_ROOTS],
  commands: {
    no_op: command({
      summary: 'The first entry of a term: it commits what came before and moves log time.',
      origin: 'engine',
      role: 'admin',
      traffic: 'control',
      schema: z.object({ leader_id: z.string() }),
      decide: () => undefined,
    }),
    configuration: command({
      summary:
        'Who takes part in the group from this entry on; the engine reads it before it is applied.',
      origin: 'engine',
      role: 'admin',
      traffic: 'control',
      schema: z.object({ voters: MEMBERS, outgoing: MEMBERS, learners: MEMBERS }),
      decide: () => undefined,
    }),
    raise_rules_version: command({
      summary: 'Puts the next version of the rules in force.',
      origin: 'engine',
      role: 'admin',
      traffic: 'control',
      schema: z.object({ version: z.int().min(2) }),
      decide: (ruling, { version }) => {
        if (version !== ruling.rules + 1)
          return refuse('conflict', `rules version ${ruling.rules} is in force`, {
            version: ruling.rules,
          });
        ruling.emit<Facts>({ type: 'rules_version_raised', version });
        return undefined;
      },
    }),
    state_root: command({
      summary: 'Records what the state at a snapshot hashes to.',
      origin: 'engine',
      role: 'admin',
      traffic: 'control',
      schema: z.object({
        at_index: INDEX,
        digest: HASH,
        roots: z.record(z.string(), HASH),
        rules: z.int().min(1),
      }),
      decide: (ruling, root) => {
        if (root.at_index >= ruling.index)
          return refuse('conflict', 'a state root speaks of the past', { index: ruling.index });
        ruling.emit<Facts>({ type: 'state_root_agreed', ...root });
        return undefined;
      },
    }),
  },
  folds: {
    rules_version_raised: (tables, { version }, moment) =>
      tables.of(RULES).put({ name: 'rules', version, raised_index: moment.index }),
    state_root_agreed: (tables, { type: _type, ...row }) => {
      const roots = tables.of(STATE_ROOTS);
      roots.put(row);
      const [oldest] = roots.select('by_index', []);
      if (roots.size > STATE_ROOTS_MAX && oldest !== undefined)
        roots.remove(String(oldest.at_index));
    },
  },
});
