import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  enter,
  isJoint,
  isMember,
  isReplaced,
  isValid,
  isVoter,
  leave,
  LEARNERS_MAX,
  membersOf,
  nameOf,
  NOBODY,
  VOTERS_MAX,
} from '../../../../src/protocols/raft/core/configuration.ts';
import { ConfigurationHistory } from '../../../../src/protocols/raft/core/configuration-history.ts';
import { member, members } from './cores.ts';

const ids = Array.from({ length: 24 }, (_, at) => `n${at}`);

test('1 to 7 voters and up to 16 learners make a group, each id once', () => {
  const table: readonly (readonly [number, number, boolean])[] = [
    [0, 0, false],
    [0, 3, false],
    [1, 0, true],
    [VOTERS_MAX, LEARNERS_MAX, true],
    [VOTERS_MAX + 1, 0, false],
    [3, LEARNERS_MAX + 1, false],
  ];
  for (const [voters, learners, valid] of table)
    expect(isValid(members(ids.slice(0, voters), ids.slice(voters, voters + learners)))).toBe(
      valid,
    );
  expect(isValid(members(['a', 'b', 'a']))).toBe(false);
  expect(isValid(members(['a', 'b'], ['b']))).toBe(false);
  expect(isValid({ voters: [member('a'), member('a', 'a2')], learners: [] })).toBe(false);
});

test('other voters are reached through a joint configuration, other learners at once', () => {
  const now = members(['a', 'b', 'c']);
  const voters = members(['a', 'b', 'd']);
  expect(enter(now, voters)).toEqual({ ...voters, outgoing: now.voters });
  expect(enter(now, members(['c', 'b', 'a'], ['d']))).toEqual(members(['c', 'b', 'a'], ['d']));
  expect(isJoint(enter(now, voters))).toBe(true);
  expect(leave(enter(now, voters))).toEqual(voters);
});

test('the same id with another store is another voter', () => {
  const now = members(['a', 'b', 'c']);
  const wanted = { voters: [member('a'), member('b'), member('c', 'c2')], learners: [] };
  expect(isJoint(enter(now, wanted))).toBe(true);
  expect(isVoter(now, member('c', 'c2'))).toBe(false);
  expect(isReplaced(now, member('c', 'c2'))).toBe(true);
  expect(isReplaced(now, member('d'))).toBe(false);
  expect(nameOf(member('c', 'c2'))).not.toBe(nameOf(member('c')));
});

test('new addresses of a voter are no change of voters', () => {
  const now = members(['a', 'b', 'c']);
  const moved = { ...now, voters: now.voters.map((voter) => ({ ...voter, addresses: ['x:1'] })) };
  expect(isJoint(enter(now, moved))).toBe(false);
});

test('voters of either half vote; learners are members that do not', () => {
  const joint = { ...members(['a', 'b'], ['e']), outgoing: members(['a', 'c']).voters };
  for (const id of ['a', 'b', 'c']) expect(isVoter(joint, member(id))).toBe(true);
  expect(isVoter(joint, member('e'))).toBe(false);
  expect(isMember(joint, member('e'))).toBe(true);
  expect(isMember(joint, member('f'))).toBe(false);
});

test('an id that is known in both halves is asked under the newer store', () => {
  const joint = {
    voters: [member('a')],
    outgoing: [member('a'), member('b')],
    learners: [member('b', 'b2')],
  };
  expect(membersOf(joint).get('b')?.store).toBe('b2');
});

test('a configuration is in force from its entry on, until that entry is taken back', () => {
  const first = members(['a', 'b', 'c']);
  const second = members(['a', 'b', 'd']);
  const history = new ConfigurationHistory(0, [{ index: 0, configuration: first }]);
  history.append({ index: 5, configuration: second });
  expect(history.current).toEqual({ index: 5, configuration: second });
  expect(history.at(4).configuration).toEqual(first);
  expect(history.at(5).configuration).toEqual(second);
  expect(history.truncate(6)).toBe(false);
  expect(history.truncate(5)).toBe(true);
  expect(history.current).toEqual({ index: 0, configuration: first });
});

test('a core that knows of no members yet has nobody, also after what told it was taken back', () => {
  const history = new ConfigurationHistory(0, []);
  expect(history.current.configuration).toEqual(NOBODY);
  history.append({ index: 3, configuration: members(['a']) });
  history.truncate(2);
  expect(history.current.configuration).toEqual(NOBODY);
});

test('what is asked of the history is as if every change were kept: truncation and compaction lose nothing above', () => {
  const anyStep = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), by: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constant('truncate' as const), by: fc.nat(9) }),
    fc.record({ kind: fc.constant('compact' as const), by: fc.nat(9) }),
  );
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
      let kept = [{ index: 0, configuration: members(['n0']) }];
      const history = new ConfigurationHistory(0, kept);
      let floor = 0;
      for (const { kind, by } of steps) {
        const last = kept.at(-1)!.index;
        if (kind === 'append') {
          const change = { index: last + by, configuration: members([`n${by}`]) };
          kept.push(change);
          history.append(change);
        } else if (kind === 'truncate') {
          const from = Math.max(floor + 1, last - by);
          kept = kept.filter(({ index }) => index < from);
          history.truncate(from);
        } else {
          floor = Math.max(floor, Math.min(floor + by, last));
          history.compact(floor);
        }
        expect(history.current).toEqual(kept.at(-1));
        for (let index = floor; index <= last + 5; index += 1)
          expect(history.at(index)).toEqual(kept.findLast((change) => change.index <= index));
      }
    }),
  );
});
