/**
 * A machine and the entries it was given: tests say what happens and when, and can compare what came of
 * it with what a replay, or the recorded outcomes, make of the same entries.
 */
import { expect } from 'vitest';
import type { Entry } from '../../src/log/command.ts';
import { Machine, type MachineOptions } from '../../src/projections/machine.ts';
import { compareKeys, type IndexKey } from '../../src/projections/ordered-index.ts';
import type { Fact, Outcome } from '../../src/projections/outcome.ts';
import { tuplesUnder } from '../../src/projections/row-index.ts';
import type { Table } from '../../src/projections/table.ts';

/** Any Tuesday; only differences matter. */
export const START = 1_700_000_000_000;

type Extras = Partial<Pick<Entry, 'once' | 'actor' | 'if_index'>>;

export class Timeline {
  readonly machine: Machine;
  readonly entries: Entry[] = [];
  readonly outcomeBytes: Uint8Array[] = [];
  readonly #options: MachineOptions;
  at = START;
  term = 1;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.machine = new Machine(options);
  }

  /** Lets log time go by. */
  pass(milliseconds: number): void {
    this.at += milliseconds;
  }

  /** Appends a command as the API would: defaults filled in by its schema. */
  apply(type: string, data: unknown = {}, extras: Extras = {}): Outcome {
    const parsed = this.machine.command(type)?.schema.parse(data) ?? {};
    const { index } = this.machine.position;
    const place = { index: index + 1, term: this.term, at: this.at };
    return this.append({ type, data: parsed, ...extras, ...place });
  }

  append(entry: Entry): Outcome {
    const { outcome, outcomeBytes } = this.machine.apply(entry);
    this.entries.push(entry);
    this.outcomeBytes.push(outcomeBytes);
    return outcome;
  }

  /** Appends what time asks for, until it asks for nothing. */
  tidy(): void {
    for (
      let due = this.machine.due(this.at);
      due.duties.length > 0;
      due = this.machine.due(this.at)
    )
      for (const { type, data } of due.duties) this.apply(type, data);
  }

  /** A machine that decides the same entries again. */
  replayed(): Machine {
    const machine = new Machine(this.#options);
    for (const entry of this.entries) machine.apply(entry);
    return machine;
  }

  /** A machine that folds the recorded outcomes. */
  folded(): Machine {
    const machine = new Machine(this.#options);
    for (const [place, entry] of this.entries.entries())
      machine.applyRecorded(entry, this.outcomeBytes[place]!);
    return machine;
  }
}

/** The facts of an applied outcome; the test fails if it was not applied. */
export function factsOf(outcome: Outcome): readonly (Fact & Record<string, unknown>)[] {
  if (outcome.kind !== 'applied') throw new Error(`not applied: ${JSON.stringify(outcome)}`);
  return outcome.facts as readonly (Fact & Record<string, unknown>)[];
}

/** The token that the first fact of an outcome carries. */
export function tokenOf(outcome: Outcome): number {
  return factsOf(outcome)[0]?.['token'] as number;
}

/** Everything a machine knows: digest, position, and all rows in the order of their keys. */
export function stateOf(machine: Machine): unknown {
  const rows = machine
    .allTables()
    .map((table) => [table.definition.name, [...table.rows()].sort(byKeyOf(table))]);
  return { digest: machine.digest(), position: machine.position, rows: Object.fromEntries(rows) };
}

function byKeyOf({
  definition: { key },
}: Table<unknown>): (left: unknown, right: unknown) => number {
  return (left, right) => (key(left) < key(right) ? -1 : 1);
}

/** Fails unless every index and counter says what a recount of the rows says. */
export function expectDerivedFromRows(machine: Machine): void {
  for (const table of machine.allTables()) {
    const rows = [...table.rows()];
    for (const name of Object.keys(table.definition.indexes ?? {}))
      expect([...table.index(name).scan([])], `${table.definition.name}.${name}`).toEqual(
        indexOf(table, name, rows),
      );
    for (const name of Object.keys(table.definition.counters ?? {}))
      expect(new Map(table.counts(name)), `${table.definition.name}.${name}`).toEqual(
        countsOf(table, name, rows),
      );
  }
}

function indexOf(table: Table<unknown>, name: string, rows: readonly unknown[]): IndexKey[] {
  const { key, indexes } = table.definition;
  return rows
    .flatMap((row) => tuplesUnder(indexes![name]!, row).map((tuple) => [...tuple, key(row)]))
    .sort(compareKeys);
}

function countsOf(
  table: Table<unknown>,
  name: string,
  rows: readonly unknown[],
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const labelOf = table.definition.counters![name]!;
  for (const label of rows.map((row) => labelOf(row)))
    if (label !== undefined) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}
