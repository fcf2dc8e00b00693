/** What the tables of a recent index hash to: those of now, with every row that was replaced since put back. */
import type { Machine } from './machine.ts';
import { cutSnapshot, encodeSnapshot, type SnapshotRoots } from './snapshot.ts';
import type { Table } from './table.ts';

/** Only roots are wanted: whose they are does not matter. */
const NOBODY = {
  group: '',
  incarnation: 0,
  configuration: { voters: [], outgoing: [], learners: [] },
};

type Cut = ReturnType<typeof cutSnapshot>['tables'][number];
/** Rows by key, as they were kept; undefined: there was none. */
type Before = Map<string, unknown>;

/**
 * Hashes in slices, between which the caller rests; the rows are taken at once.
 * @returns undefined where the undo ring does not reach so far back
 */
export function rootsAt(
  machine: Machine,
  index: number,
): Generator<unknown, SnapshotRoots> | undefined {
  // The position can always be viewed; what lies before it, as far as the ring reaches.
  const oldest = machine.undo.floor ?? machine.position.index;
  if (index < oldest) return undefined;
  const cut = cutSnapshot(machine);
  const replaced = replacedAbove(machine, index);
  const tables = machine
    .allTables()
    .map((table, place) => asBefore(cut.tables[place] as Cut, replaced.get(table)));
  return encodeSnapshot({ ...cut, tables }, NOBODY);
}

/** Newest first, so that what is noted last is the oldest: the row as it was. */
function replacedAbove({ undo }: Machine, index: number): ReadonlyMap<Table<unknown>, Before> {
  const replaced = new Map<Table<unknown>, Before>();
  for (const { changes } of undo.above(index))
    for (const { table, key, before } of changes.toReversed())
      replaced.set(table, (replaced.get(table) ?? new Map<string, unknown>()).set(key, before));
  return replaced;
}

/** Rows go from list to list, not in pairs of a key and a row: a table may have a million, and all wait for this. */
function asBefore(cut: Cut, before: Before | undefined): Cut {
  if (before === undefined) return cut;
  const { definition, keys, kept } = unreplaced(cut, before);
  for (const [key, row] of before) {
    if (row === undefined) continue;
    keys.push(key);
    kept.push(row);
  }
  return { definition, keys, kept };
}

/** The rows that are now as they were, in lists of their own. */
function unreplaced({ definition, keys, kept }: Cut, before: Before) {
  const same = { definition, keys: [] as string[], kept: [] as unknown[] };
  for (let place = 0; place < keys.length; place += 1) {
    const key = keys[place] as string;
    if (before.has(key)) continue;
    same.keys.push(key);
    same.kept.push(kept[place]);
  }
  return same;
}
