import { describe, expect, test } from 'vitest';
import { UpgradeRequired } from '../../src/projections/machine.ts';
import { RULES_VERSION, rules, rulesInForce, STATE_ROOTS } from '../../src/projections/rules.ts';
import { sessions } from '../../src/projections/sessions.ts';
import { tally, TALLIES } from './tally.ts';
import { stateOf, Timeline } from './timeline.ts';

const PROJECTIONS = [rules, sessions, tally];

function sum(time: Timeline): number {
  return time.machine.tables.of(TALLIES).get('t')?.sum ?? 0;
}

describe('the rules version in force', () => {
  test('is 1 until it is raised, and is raised one by one', () => {
    const time = new Timeline({ projections: PROJECTIONS, rules: 9 });
    expect(rulesInForce(time.machine.tables)).toBe(1);
    expect(time.apply('raise_rules_version', { version: 3 })).toMatchObject({
      code: 'conflict',
      about: { version: 1 },
    });
    expect(time.apply('raise_rules_version', { version: 2 }).kind).toBe('applied');
    expect(time.apply('raise_rules_version', { version: 2 })).toMatchObject({ code: 'conflict' });
    expect(rulesInForce(time.machine.tables)).toBe(2);
  });

  test('a command of version 2 is skipped and counted until version 2 is in force', () => {
    const time = new Timeline({ projections: PROJECTIONS, rules: 2 });
    expect(time.apply('add_double')).toEqual({ kind: 'skipped', type: 'add_double' });
    time.apply('raise_rules_version', { version: 2 });
    expect(time.apply('add_double').kind).toBe('applied');
    expect([sum(time), time.machine.position.skipped]).toEqual([2, 1]);
  });

  test('I3: what was skipped under version 1 stays skipped when replayed under version 2', () => {
    const time = new Timeline({ projections: PROJECTIONS, rules: 2 });
    time.apply('add_double');
    time.apply('raise_rules_version', { version: 2 });
    time.apply('add_double');
    expect(stateOf(time.replayed())).toEqual(stateOf(time.machine));
    expect(stateOf(time.folded())).toEqual(stateOf(time.machine));
  });

  test('a build below it stops applying, says so, and has changed nothing', () => {
    const time = new Timeline({ projections: PROJECTIONS });
    const version = RULES_VERSION + 1;
    for (let next = 2; next <= version; next++)
      expect(time.apply('raise_rules_version', { version: next }).kind).toBe('applied');
    const before = stateOf(time.machine);
    const upgrade = `rules version ${version} is in force, this build knows ${RULES_VERSION}`;
    expect(() => time.apply('add')).toThrow(UpgradeRequired);
    expect(() => time.apply('add')).toThrow(upgrade);
    expect(() => time.machine.dryRun({ type: 'add', data: {}, at: time.at })).toThrow(upgrade);
    expect(stateOf(time.machine)).toEqual(before);
  });
});

describe('state roots', () => {
  const root = { digest: 'ab'.repeat(32), roots: { tally: 'cd'.repeat(32) }, rules: 1 };

  test('what the state at an index hashed to is recorded, and speaks of the past', () => {
    const time = new Timeline({ projections: PROJECTIONS });
    time.apply('add');
    expect(time.apply('state_root', { at_index: 2, ...root })).toMatchObject({ code: 'conflict' });
    expect(time.apply('state_root', { at_index: 1, ...root }).kind).toBe('applied');
    expect(time.machine.tables.of(STATE_ROOTS).get('1')).toEqual({ at_index: 1, ...root });
  });

  test('I8: the newest 1000 are kept', () => {
    const time = new Timeline({ projections: PROJECTIONS });
    for (let at_index = 0; at_index < 1010; at_index++)
      time.apply('state_root', { at_index, ...root });
    const kept = [...time.machine.tables.of(STATE_ROOTS).select('by_index', [])];
    expect([kept.length, kept[0]?.at_index, kept.at(-1)?.at_index]).toEqual([1000, 10, 1009]);
  });
});
