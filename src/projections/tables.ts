/** All tables of one machine. A table's definition, made once at module level, is the typed key to it. */
import { assert } from './assert.ts';
import type { WritableTables } from './projection.ts';
import type { RisingIndex } from './rising-index.ts';
import { type Recorder, Table, type TableDefinition } from './table.ts';

export class Tables implements WritableTables {
  readonly #tables = new Map<unknown, Table<unknown>>();
  readonly #rising: RisingIndex<unknown>[] = [];
  readonly #record: Recorder;

  constructor(record: Recorder) {
    this.#record = record;
  }

  add(definition: TableDefinition<unknown>): void {
    const isNew = this.all().every((table) => table.definition.name !== definition.name);
    assert(isNew, 'a table is declared once', definition.name);
    const table = new Table(definition, this.#record);
    this.#tables.set(definition, table);
    this.#rising.push(...table.rising);
  }

  /** Log time is `at`. */
  reached(at: number): void {
    for (const index of this.#rising) index.reached(at);
  }

  all(): readonly Table<unknown>[] {
    return [...this.#tables.values()];
  }

  of<Row>(definition: TableDefinition<Row>): Table<Row> {
    const table = this.#tables.get(definition);
    assert(table !== undefined, 'a projection declares the table', definition.name);
    // The map pairs each definition with the table made from it.
    return table as Table<Row>;
  }
}
