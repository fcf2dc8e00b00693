/**
 * What a projection is: the tables of one concept, the commands that may change them, the rules that
 * decide, the folds that write, and what time itself will ask for.
 *
 * ```
 *            decide(ruling, data)                    fold(tables, fact, moment)
 *  command ──────────────────────▶ facts | refusal ─────────────────────────────▶ tables
 *                 ▲                                                                 │
 *                 └────────────────────── reads ◀───────────────────────────────────┘
 * ```
 *
 * `decide` looks at tables and emits facts; each fact is folded the moment it is emitted, so the second
 * item of a batch sees what the first one changed. A refusal, or a throw, rolls everything back through
 * the undo ring. Only folds write, and they use nothing but the fact and the moment, so recorded facts
 * rebuild the tables without deciding again.
 */
import type { z } from 'zod';
import type { Traffic } from '../log/traffic.ts';
import type { Fact, Refusal } from './outcome.ts';
import type { ReadonlyTable, TableDefinition, WritableTable } from './table.ts';
import type { TermStart } from './term-start.ts';

/** All tables of a machine, by definition. */
export interface ReadonlyTables {
  of<Row>(definition: TableDefinition<Row>): ReadonlyTable<Row>;
}

export interface WritableTables {
  of<Row>(definition: TableDefinition<Row>): WritableTable<Row>;
}

/** Where in the group's history something happens. The only time rules know. */
export interface Moment {
  readonly index: number;
  readonly term: number;
  /** The leader's stamp, ms since the epoch; never decreases. */
  readonly at: number;
  /** How this term began: a new leader lets nothing expire at once (`grants.ts`). */
  readonly term_start: TermStart;
  /** `epoch · 2^40 + index`: the fencing token of whatever this entry grants. */
  readonly token: number;
  /** The rules version in force. */
  readonly rules: number;
  /**
   * What the entry's command says. A fact need not repeat it: whoever has the fact has the entry, and its
   * fold reads it here. Undefined outside of an entry.
   */
  readonly data: unknown;
}

/**
 * The moment a question is asked in. What is so is judged by the log alone, as of its last entry, so that
 * every node says the same of the same index; the clock only tells how much is left.
 */
export interface Reading extends Moment {
  /** Log time by this node's clock, at or after `at`. */
  readonly now: number;
}

/** What a rule may look at, and its one verb. */
export interface Ruling extends Moment {
  readonly tables: ReadonlyTables;
  readonly actor: string;
  /** Name the projection's union of facts: `ruling.emit<Facts>({ type: … })`. */
  emit<Facts extends Fact>(fact: Facts): void;
}

/** Applied with nothing to add, applied with an answer per item, or refused. */
export type Decision = undefined | { readonly results: readonly unknown[] } | Refusal;

/** client: anyone with the role may propose it. duty: the leader's duties loop. engine: the protocol. */
export type Origin = 'client' | 'duty' | 'engine';
export type Role = 'reader' | 'worker' | 'operator' | 'admin';

export interface CommandRule {
  readonly schema: z.ZodType<Readonly<Record<string, unknown>>>;
  readonly origin: Origin;
  /** The least role that may propose it through the API. */
  readonly role: Role;
  readonly traffic: Traffic;
  /** The first rules version that knows this command. */
  readonly since: number;
  /** One line for the documentation. */
  readonly summary: string;
  /** The index of the last change of what the command names (0: absent), for conditional commands. */
  changed(tables: ReadonlyTables, data: unknown): number;
  decide(ruling: Ruling, data: unknown): Decision;
}

/** A duty that is due: a command the leader proposes. */
export interface Duty {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Due {
  /** Bounded by the projection (DUTIES_MAX): what is left over is due again at once. */
  readonly duties: readonly Duty[];
  /** When to ask again if nothing changes before; undefined: not until something changes. */
  readonly next_at: number | undefined;
}

export const NOTHING_DUE: Due = { duties: [], next_at: undefined };
/** The most items one duty names; a larger backlog is worked off in turns. */
export const DUTIES_MAX = 1000;

export type Fold = (tables: WritableTables, fact: Fact, moment: Moment) => void;

export interface Projection {
  readonly name: string;
  readonly summary: string;
  readonly tables: readonly TableDefinition<unknown>[];
  readonly commands: Readonly<Record<string, CommandRule>>;
  readonly folds: Readonly<Record<string, Fold>>;
  readonly due: (tables: ReadonlyTables, moment: Moment) => Due;
  /**
   * Why the group takes no command of a client or a duty any more; undefined while it does. Only what can
   * close a group says so.
   */
  readonly closed?: (tables: ReadonlyTables) => Refusal | undefined;
}

/** Folds of a union of facts: one per type, complete by type. */
export type FoldsOf<Facts extends Fact> = {
  readonly [Type in Facts['type']]: (
    tables: WritableTables,
    fact: Extract<Facts, { readonly type: Type }>,
    moment: Moment,
  ) => void;
};

interface CommandSpec<Schema extends z.ZodType> {
  readonly schema: Schema;
  readonly origin?: Origin;
  readonly role?: Role;
  readonly traffic: Traffic;
  readonly since?: number;
  readonly summary: string;
  readonly changed?: (tables: ReadonlyTables, data: z.output<Schema>) => number;
  readonly decide: (ruling: Ruling, data: z.output<Schema>) => Decision;
}

/** Declares a command. Defaults: proposed by clients with the role worker, known since rules version 1. */
export function command<Schema extends z.ZodType>(spec: CommandSpec<Schema>): CommandRule {
  const declared = { origin: 'client', role: 'worker', since: 1, changed: () => 0, ...spec };
  // The machine hands `decide` only what this very schema has parsed, so the types meet here.
  return declared as unknown as CommandRule;
}

interface ProjectionSpec<Facts extends Fact> {
  readonly name: string;
  readonly summary: string;
  // Rows differ from table to table; the definition itself is the typed key to them.
  readonly tables: readonly TableDefinition<never>[];
  readonly commands: Readonly<Record<string, CommandRule>>;
  readonly folds: FoldsOf<Facts>;
  readonly due?: (tables: ReadonlyTables, moment: Moment) => Due;
  readonly closed?: (tables: ReadonlyTables) => Refusal | undefined;
}

/** Declares a projection; `Facts` is the union of its facts, and every one of them needs its fold. */
export function projection<Facts extends Fact>(spec: ProjectionSpec<Facts>): Projection {
  const declared = { due: () => NOTHING_DUE, ...spec };
  // A fact's type selects its fold, so each fold meets only its own facts.
  return declared as unknown as Projection;
}
