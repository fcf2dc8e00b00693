/**
 * The end of a group's log: after its seal, everything a client or a duty asks for is refused, and nothing
 * is due any more. What engines say of themselves (a new term, new members) goes on, so that every voter
 * still gets to the seal.
 *
 * ```
 *  open ──── seal ─────▶ sealed        recorded in `main` by `job_sealed`, then the group is removed
 * ```
 */
import { z } from 'zod';
import { refuse, type Refusal } from '../outcome.ts';
import { command, projection, type ReadonlyTables } from '../projection.ts';
import type { TableDefinition } from '../table.ts';

export interface SealRow {
  readonly name: 'seal';
  /** The index of the entry that sealed it. */
  readonly sealed_index: number;
  readonly sealed_at: number;
  readonly actor: string;
}

export const SEAL: TableDefinition<SealRow> = {
  name: 'seal',
  key: (row) => row.name,
  columns: ['name', 'sealed_index', 'sealed_at', 'actor'],
};

interface LogSealed {
  readonly type: 'log_sealed';
  readonly actor: string;
}

/** Where the log was sealed; undefined while it is open. */
export function sealOf(tables: ReadonlyTables): SealRow | undefined {
  return tables.of(SEAL).get('seal');
}

function closed(tables: ReadonlyTables): Refusal | undefined {
  const seal = sealOf(tables);
  if (seal === undefined) return undefined;
  const { sealed_index } = seal;
  return refuse('sealed', `the group was sealed at entry ${sealed_index}`, { sealed_index });
}

export const seal = projection<LogSealed>({
  name: 'seal',
  summary: 'The end of the log of a group.',
  tables: [SEAL],
  closed,
  commands: {
    seal: command({
      summary: 'Seals the group: everything after this entry is refused.',
      role: 'operator',
      traffic: 'control',
      schema: z.object({}),
      decide: (ruling) => {
        ruling.emit<LogSealed>({ type: 'log_sealed', actor: ruling.actor });
        return undefined;
      },
    }),
  },
  folds: {
    log_sealed: (tables, { actor }, { index, at }) =>
      tables.of(SEAL).put({ name: 'seal', sealed_index: index, sealed_at: at, actor }),
  },
});
