/**
 * How to add a projection, step by step: a board of notes that disappear when their time is over.
 *
 * In `src/projections/` all of this but the tests would be one file, `notes.ts`. Nothing else has to be
 * edited but the line of step 5: the API, the command line and the documentation read the commands off
 * their schemas, and `main-projections.test.ts` holds the new tables to the laws of all tables.
 */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { refuse } from '../../src/projections/outcome.ts';
import {
  command,
  type Decision,
  type Due,
  DUTIES_MAX,
  type FoldsOf,
  type Moment,
  projection,
  type ReadonlyTables,
  type Ruling,
} from '../../src/projections/projection.ts';
import { MAIN_PROJECTIONS } from '../../src/projections/registry.ts';
import type { TableDefinition } from '../../src/projections/table.ts';
import { expectDerivedFromRows, factsOf, stateOf, Timeline } from './timeline.ts';

// 1. Rows and their table
//
// A row is plain data that is replaced, never changed: strings, integers, null where there is nothing.
// `columns` fixes how it is encoded in snapshots and hashed. An index maps a row to the tuples it is
// found under; its order ends in the key, so a restored table reads exactly like the live one.

/** More notes are refused: everything has a limit. */
const NOTES_MAX = 100_000;

interface NoteRow {
  readonly id: string;
  readonly text: string;
  readonly author: string;
  readonly expires_at: number;
  readonly changed_index: number;
}

const NOTES: TableDefinition<NoteRow> = {
  name: 'notes',
  key: (row) => row.id,
  columns: ['id', 'text', 'author', 'expires_at', 'changed_index'],
  indexes: { by_expiry: (row) => [[row.expires_at]] },
  counters: { author: (row) => row.author },
};

// 2. Commands: what may be asked, and the rule that decides it
//
// The schema is the whole contract of a command: its defaults are filled in before it is proposed. A rule
// looks at the tables and at the moment of its entry, never at a clock; it emits facts, or refuses. What
// it emitted before a refusal is taken back.

type Facts =
  | {
      readonly type: 'note_put';
      readonly id: string;
      readonly text: string;
      readonly author: string;
      readonly expires_at: number;
    }
  | { readonly type: 'note_removed'; readonly id: string };

const ID = z.string().regex(/^[a-z0-9-]{1,64}$/);
const putSchema = z.object({
  id: ID,
  text: z.string().max(10_000),
  ttl_seconds: z.int().min(1).max(86_400).default(60),
});

function put(ruling: Ruling, { id, text, ttl_seconds }: z.output<typeof putSchema>): Decision {
  const notes = ruling.tables.of(NOTES);
  if (notes.size >= NOTES_MAX && !notes.has(id))
    return refuse('backpressure', 'the board is full', { limit: NOTES_MAX });
  const expires_at = ruling.at + ttl_seconds * 1000;
  ruling.emit<Facts>({ type: 'note_put', id, text, author: ruling.actor, expires_at });
  return undefined;
}

function remove(ruling: Ruling, { id }: { readonly id: string }): Decision {
  const note = ruling.tables.of(NOTES).get(id);
  if (note === undefined) return refuse('not-found', 'no such note', { id });
  if (note.author !== ruling.actor)
    return refuse('forbidden', 'a note is removed by its author', { author: note.author });
  ruling.emit<Facts>({ type: 'note_removed', id });
  return undefined;
}

/** Origin `duty`: only the leader proposes it. It may come late, or twice, so it looks again. */
function expire(ruling: Ruling, { ids }: { readonly ids: readonly string[] }): Decision {
  const notes = ruling.tables.of(NOTES);
  for (const id of ids) {
    const note = notes.get(id);
    if (note !== undefined && note.expires_at <= ruling.at)
      ruling.emit<Facts>({ type: 'note_removed', id });
  }
  return undefined;
}

/** The index of the last change, which makes `If-Match` work for these commands. */
function noteChanged(tables: ReadonlyTables, { id }: { readonly id: string }): number {
  return tables.of(NOTES).get(id)?.changed_index ?? 0;
}

// 3. Folds: what each fact writes
//
// Only folds write. They use nothing but the fact, the moment and the tables, so that recorded facts
// rebuild the tables without deciding again. The compiler asks for one fold per fact.

const folds: FoldsOf<Facts> = {
  note_put: (tables, { type: _type, ...note }, moment) =>
    tables.of(NOTES).put({ ...note, changed_index: moment.index }),
  note_removed: (tables, { id }) => tables.of(NOTES).remove(id),
};

// 4. Due: what time itself asks for
//
// A deadline is data. Nobody sets a timer: the leader asks what is due, proposes it, and is told when to
// ask again. A duty names at most DUTIES_MAX items; what is left over is due again at once.

function due(tables: ReadonlyTables, { at }: Moment): Due {
  const [soonest] = tables.of(NOTES).select('by_expiry', []);
  if (soonest === undefined) return { duties: [], next_at: undefined };
  if (soonest.expires_at > at) return { duties: [], next_at: soonest.expires_at };
  return { duties: [{ type: 'expire_notes', data: { ids: expired(tables, at) } }], next_at: at };
}

function expired(tables: ReadonlyTables, at: number): readonly string[] {
  const ids: string[] = [];
  for (const { id, expires_at } of tables.of(NOTES).select('by_expiry', [])) {
    if (expires_at > at || ids.length === DUTIES_MAX) break;
    ids.push(id);
  }
  return ids;
}

// 5. The projection, and its line in `registry.ts`

const notes = projection<Facts>({
  name: 'notes',
  summary: 'A board of notes that disappear when their time is over.',
  tables: [NOTES],
  commands: {
    put_note: command({
      summary: 'Puts a note on the board, or replaces it.',
      traffic: 'data',
      schema: putSchema,
      changed: noteChanged,
      decide: put,
    }),
    remove_note: command({
      summary: 'Takes a note of the caller from the board.',
      traffic: 'data',
      schema: z.object({ id: ID }),
      changed: noteChanged,
      decide: remove,
    }),
    expire_notes: command({
      summary: 'Takes notes from the board whose time is over.',
      origin: 'duty',
      traffic: 'control',
      schema: z.object({ ids: z.array(ID).max(DUTIES_MAX) }),
      decide: expire,
    }),
  },
  folds,
  due,
});

const PROJECTIONS = [...MAIN_PROJECTIONS, notes];

function board(time: Timeline): readonly string[] {
  return [...time.machine.tables.of(NOTES).select('by_expiry', [])].map(({ text }) => text);
}

test('a note is put, replaced and removed by its author', () => {
  const time = new Timeline({ projections: PROJECTIONS });
  time.apply('put_note', { id: 'a', text: 'milk' }, { actor: 'ann' });
  const replaced = time.apply('put_note', { id: 'a', text: 'oat milk' }, { actor: 'ann' });
  expect(factsOf(replaced)).toEqual([
    { type: 'note_put', id: 'a', text: 'oat milk', author: 'ann', expires_at: time.at + 60_000 },
  ]);
  expect(time.apply('remove_note', { id: 'a' }, { actor: 'bob' })).toMatchObject({
    code: 'forbidden',
  });
  expect(time.apply('remove_note', { id: 'a' }, { actor: 'ann' }).kind).toBe('applied');
  expect(board(time)).toEqual([]);
});

test('a note disappears when its time is over', () => {
  const time = new Timeline({ projections: PROJECTIONS });
  time.apply('put_note', { id: 'a', text: 'later', ttl_seconds: 20 });
  time.apply('put_note', { id: 'b', text: 'sooner', ttl_seconds: 10 });
  expect(board(time)).toEqual(['sooner', 'later']);
  expect(time.machine.due(time.at)).toEqual({ duties: [], next_at: time.at + 10_000 });
  time.pass(10_000);
  time.tidy();
  expect(board(time)).toEqual(['later']);
});

test('exactly once, conditions, rollback and replay come with the machine', () => {
  const time = new Timeline({ projections: PROJECTIONS });
  const once = { key: 'k', print: 'p' };
  time.apply('put_note', { id: 'a', text: 'milk' }, { once });
  expect(time.apply('put_note', { id: 'a', text: 'milk' }, { once })).toEqual({
    kind: 'replayed',
    of: 1,
  });
  expect(time.apply('put_note', { id: 'a', text: 'tea' }, { if_index: 0 })).toMatchObject({
    code: 'precondition-failed',
  });
  expect(board(time)).toEqual(['milk']);
  expectDerivedFromRows(time.machine);
  expect(stateOf(time.replayed())).toEqual(stateOf(time.machine));
  expect(stateOf(time.folded())).toEqual(stateOf(time.machine));
});
