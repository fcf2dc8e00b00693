import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { packr } from '../../src/log/command.ts';
import { decodeOutcomePage, PAGE_ENTRIES } from '../../src/log/outcome-page.ts';
import { Machine, TOKEN_EPOCH } from '../../src/projections/machine.ts';
import type { Outcome } from '../../src/projections/outcome.ts';
import { command, projection } from '../../src/projections/projection.ts';
import { rules } from '../../src/projections/rules.ts';
import { sessions } from '../../src/projections/sessions.ts';
import { DEFECTS, tally, TALLIES } from './tally.ts';
import { expectDerivedFromRows, START, stateOf, Timeline } from './timeline.ts';

const PROJECTIONS = [rules, sessions, tally];

let time: Timeline;

beforeEach(() => {
  time = new Timeline({ projections: PROJECTIONS });
});

function sum(name = 't'): number | undefined {
  return time.machine.tables.of(TALLIES).get(name)?.sum;
}

/** A bit of everything: applied, refused, faulty, unknown, retried, conditional. */
function story(): void {
  time.apply('open_session', {}, { actor: 'ann' });
  time.apply('add', { by: -3 }, { once: { key: 'k', print: 'p' } });
  time.apply('add_then_refuse');
  time.pass(1000);
  time.apply(
    'add_each',
    { names: ['a', 'b', 'a'] },
    { once: { session: 1, seq: 1 }, actor: 'ann' },
  );
  for (const defect of DEFECTS) time.apply(defect, { by: 100 });
  time.term = 2;
  time.apply('add', { by: -3 }, { once: { key: 'k', print: 'p' } });
  time.apply('not_a_command', { whatever: true });
  time.apply('add', {}, { if_index: 1 });
  time.tidy();
}

describe('what an entry leads to', () => {
  test('facts are folded and recorded, with what they changed', () => {
    const { outcome, changes } = time.machine.apply({
      type: 'add',
      data: { name: 't', by: 2 },
      index: 1,
      term: 1,
      at: START,
    });
    expect(outcome).toEqual({ kind: 'applied', facts: [{ type: 'tallied', name: 't', by: 2 }] });
    expect(changes.map(({ table, key, after }) => [table.definition.name, key, after])).toEqual([
      ['tallies', 't', { name: 't', sum: 2, changed_index: 1 }],
    ]);
    expect(time.machine.position).toMatchObject({ index: 1, term: 1, at: START });
  });

  test('the second item of a batch sees what the first one changed', () => {
    const outcome = time.apply('add_each', { names: ['a', 'b', 'a', 'a'] });
    expect(outcome).toMatchObject({ kind: 'applied', results: [0, 0, 1, 2] });
  });

  test('a refusal takes back what its rule had changed before', () => {
    time.apply('add', { by: 5 });
    expect(time.apply('add_then_refuse', { by: 3 })).toMatchObject({ code: 'conflict' });
    expect(time.apply('add_then_refuse', { name: 'new' })).toMatchObject({ code: 'conflict' });
    expect([sum(), sum('new')]).toEqual([5, undefined]);
    expectDerivedFromRows(time.machine);
  });

  test('a conditional command is refused when its subject has changed, with the index of the change', () => {
    expect(time.apply('add', {}, { if_index: 0 }).kind).toBe('applied');
    expect(time.apply('add', {}, { if_index: 1 }).kind).toBe('applied');
    for (const if_index of [0, 1, 3])
      expect(time.apply('add', {}, { if_index })).toMatchObject({
        code: 'precondition-failed',
        about: { index: 2 },
      });
    expect(sum()).toBe(2);
  });

  test('entries come one after another: a gap or a repetition is an impossibility', () => {
    time.apply('add');
    const entry = { type: 'add', data: {}, term: 1, at: START };
    for (const index of [1, 3])
      expect(() => time.machine.apply({ ...entry, index })).toThrow(
        `entries follow each other: ${index}`,
      );
    expect(sum()).toBe(1);
  });
});

test('trap 25: a command of unknown type is skipped and counted, and the group continues', () => {
  expect(time.apply('of_the_future', { any: 'thing' })).toEqual({
    kind: 'skipped',
    type: 'of_the_future',
  });
  expect(time.machine.position).toMatchObject({ index: 1, skipped: 1, faults: 0 });
  expect(time.apply('add').kind).toBe('applied');
  expect(stateOf(time.folded())).toEqual(stateOf(time.machine));
});

describe('I11: no rule kills the group', () => {
  test.each(DEFECTS)('%s is rolled back, becomes a rule-fault, and the log goes on', (defect) => {
    time.apply('add', { by: 5 });
    const before = time.machine.tables.of(TALLIES).get('t');
    expect(time.apply(defect, { by: 3 })).toMatchObject({ kind: 'refused', code: 'rule-fault' });
    expect(time.apply(defect, { name: 'new' })).toMatchObject({ code: 'rule-fault' });
    expect(time.machine.tables.of(TALLIES).get('t')).toBe(before);
    expect(sum('new')).toBeUndefined();
    expectDerivedFromRows(time.machine);
    expect(time.machine.position).toMatchObject({ index: 3, faults: 2 });
    expect(time.apply('add', { by: 1 }).kind).toBe('applied');
    expect(sum()).toBe(6);
  });

  test.each(DEFECTS)('%s is the same fault when it is replayed or folded as recorded', (defect) => {
    time.apply('add');
    time.apply(defect);
    time.apply('add');
    expect(stateOf(time.replayed())).toEqual(stateOf(time.machine));
    expect(stateOf(time.folded())).toEqual(stateOf(time.machine));
  });

  test.each(DEFECTS)('%s does no harm as a dry run', (defect) => {
    time.apply('add');
    const before = stateOf(time.machine);
    const outcome = time.machine.dryRun({ type: defect, data: { name: 't', by: 1 }, at: time.at });
    expect(outcome).toMatchObject({ code: 'rule-fault' });
    expect(stateOf(time.machine)).toEqual(before);
  });
});

describe('I3: same prefix, same outcomes, same tables', () => {
  test('the same entries give the same digest and the same rows', () => {
    story();
    expect(stateOf(time.replayed())).toEqual(stateOf(time.machine));
  });

  test('folding the recorded outcomes rebuilds the same tables and digest without deciding', () => {
    story();
    expect(stateOf(time.folded())).toEqual(stateOf(time.machine));
  });

  test('recorded outcomes count, even where the rules of today would decide otherwise', () => {
    time.apply('add', { by: 1 });
    const recorded: Outcome = { kind: 'refused', code: 'conflict', detail: 'as it was then' };
    const other = new Timeline({ projections: PROJECTIONS });
    const [entry] = time.entries;
    const { outcome } = other.machine.applyRecorded(entry!, packr.pack(recorded));
    expect(outcome).toEqual(recorded);
    expect(other.machine.tables.of(TALLIES).size).toBe(0);
  });

  test('the digest differs as soon as one outcome does', () => {
    const other = new Timeline({ projections: PROJECTIONS });
    for (const each of [time, other]) each.apply('add');
    expect(other.machine.digest()).toBe(time.machine.digest());
    time.apply('add', { by: 1 });
    other.apply('add', { by: 2 });
    expect(other.machine.digest()).not.toBe(time.machine.digest());
  });

  test('a machine that takes over rows, position and chain goes on as the live one', () => {
    story();
    const heir = new Machine({ projections: PROJECTIONS });
    for (const table of time.machine.allTables())
      for (const row of [...table.rows()].reverse())
        heir
          .allTables()
          .find(({ definition }) => definition === table.definition)
          ?.restore(table.definition.key(row), row);
    heir.resume(time.machine.position, time.machine.chainState());
    for (let index = time.machine.position.index + 1; index < 400; index++) {
      const entry = { type: 'add', data: { name: `n${index % 7}`, by: index }, index, term: 2 };
      heir.apply({ ...entry, at: time.at });
      time.machine.apply({ ...entry, at: time.at });
    }
    expect(stateOf(heir)).toEqual(stateOf(time.machine));
  });

  test('position and chain of a snapshot must agree', () => {
    story();
    const chain = time.machine.chainState();
    const position = { ...time.machine.position, index: 1 };
    expect(() => new Machine({ projections: PROJECTIONS }).resume(position, chain)).toThrow(
      'position and chain of a snapshot agree',
    );
  });
});

describe('a dry run', () => {
  const commands = [
    ['add', { name: 't', by: 4 }],
    ['add', { name: 'new', by: 4 }],
    ['add_each', { names: ['a', 'a'] }],
    ['add_then_refuse', { name: 't', by: 1, code: 'conflict' }],
    ['not_a_command', {}],
    ['open_session', {}],
  ] as const;

  test.each(commands)('I3: of %s %j says what would be, and changes nothing', (type, data) => {
    time.apply('add', { by: 2 });
    const before = stateOf(time.machine);
    const once = { key: 'k', print: 'p' };
    const foreseen = time.machine.dryRun({ type, data, at: time.at, once });
    expect(stateOf(time.machine)).toEqual(before);
    expectDerivedFromRows(time.machine);
    expect(time.apply(type, data, { once })).toEqual(foreseen);
  });

  test('recognises a retry', () => {
    const once = { key: 'k', print: 'p' };
    time.apply('add', {}, { once });
    expect(time.machine.dryRun({ type: 'add', data: {}, at: time.at, once })).toEqual({
      kind: 'replayed',
      of: 1,
    });
  });

  test('sees log time, not a clock that runs behind it', () => {
    time.apply('add');
    const ask = { type: 'tell_time', data: {} };
    const clock = projection<{ readonly type: 'told'; readonly at: number }>({
      name: 'clock',
      summary: '',
      tables: [],
      commands: {
        tell_time: command({
          summary: '',
          traffic: 'data',
          schema: z.object({}),
          decide: (ruling) => {
            ruling.emit({ type: 'told', at: ruling.at });
            return undefined;
          },
        }),
      },
      folds: { told: () => {} },
    });
    const machine = new Machine({ projections: [rules, sessions, clock] });
    machine.apply({ ...ask, index: 1, term: 1, at: START });
    expect(machine.dryRun({ ...ask, at: START - 5000 })).toMatchObject({ facts: [{ at: START }] });
    expect(machine.dryRun({ ...ask, at: START + 5 })).toMatchObject({ facts: [{ at: START + 5 }] });
  });
});

describe('time and tokens', () => {
  test('the token of a grant is its index under the epoch', () => {
    const restored = new Timeline({ projections: PROJECTIONS, epoch: 3 });
    restored.apply('add');
    expect(restored.machine.momentAt(0).token).toBe(3 * TOKEN_EPOCH + 1);
    expect(time.machine.momentAt(0).token).toBe(0);
    const last = 2 ** 13 - 1;
    expect(Number.isSafeInteger(last * TOKEN_EPOCH + TOKEN_EPOCH - 1)).toBe(true);
  });

  test('a term starts with its first entry', () => {
    time.apply('add');
    time.pass(500);
    time.apply('add');
    expect(time.machine.position.term_start.started_at).toBe(START);
    time.pass(500);
    time.term = 4;
    time.apply('add');
    time.pass(500);
    time.apply('add');
    expect(time.machine.position.term_start.started_at).toBe(START + 1000);
  });

  test('a query at a wall time behind the log sees log time', () => {
    time.apply('add');
    expect(time.machine.momentAt(START - 1).at).toBe(START);
    expect(time.machine.momentAt(START + 1).at).toBe(START + 1);
  });

  test('what is due is asked of all projections; the next time is the soonest of theirs', () => {
    expect(time.machine.due(time.at)).toEqual({ duties: [], next_at: START + 5000 });
    time.apply('add', { by: -2 });
    time.apply('open_session');
    time.pass(24 * 60 * 60 * 1000);
    expect(time.machine.due(time.at)).toEqual({
      duties: [
        { type: 'close_idle_sessions', data: { sessions: [2] } },
        { type: 'add', data: { name: 't', by: 2 } },
      ],
      next_at: time.at,
    });
  });

  test('with nothing to wait for there is no next time', () => {
    const idle = new Machine({ projections: [rules, sessions] });
    expect(idle.due(START)).toEqual({ duties: [], next_at: undefined });
  });
});

describe('outcomes', () => {
  test('a page is handed over with the entry that finishes it', () => {
    const pages: number[] = [];
    for (let index = 1; index <= 2 * PAGE_ENTRIES; index++) {
      const entry = { type: 'add', data: { name: 't', by: 1 }, index, term: 1, at: START };
      const { page } = time.machine.apply(entry);
      if (page === undefined) continue;
      pages.push(index);
      const read = decodeOutcomePage(page.encoded);
      expect(read).toMatchObject({ kind: 'page', page: pages.length - 1 });
      expect(read.kind === 'page' && read.digest.toString('hex')).toBe(time.machine.digest());
    }
    expect(pages).toEqual([PAGE_ENTRIES, 2 * PAGE_ENTRIES]);
    expect(time.machine.unfinishedPage()).toBeUndefined();
  });

  test('the recorded bytes of a recent entry can be had by its index', () => {
    story();
    for (const [place, bytes] of time.outcomeBytes.entries())
      expect(time.machine.outcomeBytes(place + 1)).toEqual(bytes);
    expect(time.machine.outcomeBytes(time.outcomeBytes.length + 1)).toBeUndefined();
  });
});

test('I8: the undo ring of a machine keeps what it was told to, and rollback does not need it', () => {
  time = new Timeline({ projections: PROJECTIONS, undo: { entries: 2, bytes: 1_000_000 } });
  for (let by = 1; by <= 5; by++) time.apply('add', { by });
  expect([time.machine.undo.size, time.machine.undo.floor]).toEqual([2, 3]);
  time.apply('add_then_throw');
  expect(sum()).toBe(15);
});

test('a command or a fact belongs to one projection', () => {
  const rival = { ...tally, name: 'rival', tables: [] };
  const without = { ...rival, commands: {} };
  for (const second of [rival, without])
    expect(() => new Machine({ projections: [...PROJECTIONS, second] })).toThrow(
      'one projection declares it',
    );
});
