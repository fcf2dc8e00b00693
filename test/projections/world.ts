/**
 * A group's machine with a clock that a test turns: commands go in as a caller sends them, entries are
 * made of them, outcomes come out. What was applied is kept, so that a second machine can be told.
 */
import type { Entry } from '../../src/log/command.ts';
import { packr } from '../../src/log/command.ts';
import { Machine } from '../../src/projections/machine.ts';
import type { Fact, Outcome, RefusalCode } from '../../src/projections/outcome.ts';
import type {
  Moment,
  Projection,
  Reading,
  ReadonlyTables,
} from '../../src/projections/projection.ts';
import { MAIN_PROJECTIONS } from '../../src/projections/registry.ts';

export interface WorldOptions {
  readonly projections?: readonly Projection[];
  readonly epoch?: number;
}

/** The first moment of every world. */
export const DAWN = 1_700_000_000_000;

export class World {
  readonly machine: Machine;
  readonly entries: Entry[] = [];
  readonly outcomes: Uint8Array[] = [];
  now = DAWN;
  term = 1;

  constructor({ projections = MAIN_PROJECTIONS, epoch = 0 }: WorldOptions = {}) {
    this.machine = new Machine({ projections, epoch });
  }

  get tables(): ReadonlyTables {
    return this.machine.tables;
  }

  /** Of an entry that came now. */
  get moment(): Moment {
    return this.machine.momentAt(this.now);
  }

  /** Of a question that is asked now. */
  get reading(): Reading {
    return this.machine.readingAt(this.now);
  }

  /** Turns the clock. */
  pass(milliseconds: number): this {
    this.now += milliseconds;
    return this;
  }

  /** A new leader: its first entry is the next command. */
  elect(): this {
    this.term += 1;
    return this;
  }

  /** Applies a command as its schema parses it. @throws when the schema refuses it */
  apply(type: string, data: unknown, rest: Partial<Entry> = {}): Outcome {
    const rule = this.machine.command(type);
    if (rule === undefined) throw new Error(`no projection knows ${type}`);
    return this.tell({
      type,
      data: rule.schema.parse(data),
      term: this.term,
      index: this.machine.position.index + 1,
      at: this.now,
      ...rest,
    });
  }

  /** Applies an entry that came out of a log: as its bytes say. */
  tell(entry: Entry): Outcome {
    const read = packr.unpack(packr.pack(entry)) as Entry;
    const { outcome, outcomeBytes } = this.machine.apply(read);
    this.entries.push(read);
    this.outcomes.push(outcomeBytes);
    return outcome;
  }

  /** Applies a command that must be applied. @returns its facts and results */
  do(type: string, data: unknown): { facts: readonly Fact[]; results: readonly unknown[] } {
    const outcome = this.apply(type, data);
    if (outcome.kind !== 'applied') throw new Error(`${type}: ${JSON.stringify(outcome)}`);
    return { facts: outcome.facts, results: outcome.results ?? [] };
  }

  /** Applies a command that must be refused. @returns why, in the words of the outcome */
  refused(type: string, data: unknown): { code: RefusalCode; about: Record<string, unknown> } {
    const outcome = this.apply(type, data);
    if (outcome.kind !== 'refused')
      throw new Error(`${type} was not refused: ${JSON.stringify(outcome)}`);
    return { code: outcome.code, about: { ...outcome.about } };
  }

  /** Proposes what is due now, once. @returns the types that were proposed */
  duties(): readonly string[] {
    const { duties } = this.machine.due(this.now);
    for (const { type, data } of duties) this.apply(type, data);
    return duties.map(({ type }) => type);
  }
}

/** All rows of a machine, table by table in order of their keys. */
export function rowsOf(machine: Machine): Readonly<Record<string, readonly unknown[]>> {
  return Object.fromEntries(
    machine.allTables().map((table) => {
      const rows = [...table.rows()].map((row) => [table.definition.key(row), row] as const);
      rows.sort(([one], [other]) => (one < other ? -1 : 1));
      return [table.definition.name, rows.map(([, row]) => row)];
    }),
  );
}
