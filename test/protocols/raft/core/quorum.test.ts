import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Member } from '../../../../src/protocols/raft/core/configuration.ts';
import {
  jointReached,
  jointVote,
  majorityReached,
  majorityVote,
} from '../../../../src/protocols/raft/core/quorum.ts';
import { member } from './cores.ts';

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const anyVoters = fc.subarray(ids).map((some) => some.map((id) => member(id)));
const anyMarks = fc.array(fc.nat(8), { minLength: 7, maxLength: 7 });
const anyVotes = fc.array(fc.constantFrom(true, false, undefined), { minLength: 7, maxLength: 7 });

function of<Value>(values: readonly Value[]): (member: Member) => Value {
  return ({ id }) => values[ids.indexOf(id)]!;
}

/** Every subset of more than half. */
function majorities(voters: readonly Member[]): Member[][] {
  const subsets = Array.from({ length: 2 ** voters.length }, (_, bits) =>
    voters.filter((_voter, place) => bits & (1 << place)),
  );
  return subsets.filter((subset) => subset.length * 2 > voters.length);
}

/** The definition: some majority has all of its marks there. */
function reachedByDefinition(voters: readonly Member[], markOf: (one: Member) => number): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  return Math.max(...majorities(voters).map((some) => Math.min(...some.map(markOf))));
}

test('a majority has reached a mark when some majority has: as by trying every majority', () => {
  fc.assert(
    fc.property(anyVoters, anyMarks, (voters, marks) => {
      expect(majorityReached(voters, of(marks))).toBe(reachedByDefinition(voters, of(marks)));
    }),
  );
});

test('a joint configuration has reached what both majorities have', () => {
  fc.assert(
    fc.property(anyVoters, anyVoters, anyMarks, (voters, outgoing, marks) => {
      expect(jointReached({ voters, outgoing, learners: [] }, of(marks))).toBe(
        Math.min(reachedByDefinition(voters, of(marks)), reachedByDefinition(outgoing, of(marks))),
      );
    }),
  );
});

test('a vote is won when a majority granted, lost when no majority can any more, and open between', () => {
  fc.assert(
    fc.property(anyVoters, anyVotes, (voters, votes) => {
      fc.pre(voters.length > 0);
      const voteOf = of(votes);
      const won = majorities(voters).some((some) => some.every((one) => voteOf(one) === true));
      const hope = majorities(voters).some((some) => some.every((one) => voteOf(one) !== false));
      const open = hope ? 'pending' : 'lost';
      expect(majorityVote(voters, voteOf)).toBe(won ? 'won' : open);
    }),
  );
});

test('a joint vote is won in both halves, and lost in either', () => {
  fc.assert(
    fc.property(anyVoters, anyVoters, anyVotes, (voters, outgoing, votes) => {
      const halves = [majorityVote(voters, of(votes)), majorityVote(outgoing, of(votes))];
      const result = jointVote({ voters, outgoing, learners: [] }, of(votes));
      expect(result === 'won').toBe(halves.every((half) => half === 'won'));
      expect(result === 'lost').toBe(halves.includes('lost'));
    }),
  );
});

test('two majorities of the same voters always share one of them', () => {
  fc.assert(
    fc.property(anyVoters, anyMarks, (voters, marks) => {
      fc.pre(voters.length > 0);
      const reached = majorityReached(voters, of(marks));
      const there = voters.filter((voter) => of(marks)(voter) >= reached);
      for (const some of majorities(voters))
        expect(some.some((voter) => there.includes(voter))).toBe(true);
    }),
  );
});

test('an even number of voters needs more than half: two of four are no majority', () => {
  const voters = ['a', 'b', 'c', 'd'].map((id) => member(id));
  expect(majorityReached(voters, of([9, 9, 1, 1, 0, 0, 0]))).toBe(1);
  expect(majorityVote(voters, of([true, true, undefined, false, true, true, true]))).toBe(
    'pending',
  );
});
