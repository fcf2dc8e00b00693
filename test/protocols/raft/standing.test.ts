import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Member, Members, MembersAt } from '../../../src/log/members.ts';
import type { Removal } from '../../../src/protocols/engine.ts';
import { Exchange } from '../../../src/protocols/raft/exchange.ts';
import { Standing } from '../../../src/protocols/raft/standing.ts';
import { CountingClock } from '../../log/fixtures.ts';
import { LocalNetworks } from './local-network.ts';

/** What a node knows: members by index, `store` of node `a` unless said otherwise. */
interface Knowing {
  readonly store?: string;
  readonly members: readonly MembersAt[];
  readonly commit: number;
  readonly silence?: number;
  readonly isJoining?: boolean;
}

function member(name: string): Member {
  const [id = '', store = `s-${id}`] = name.split('@');
  return { id, store, addresses: [id] };
}

function at(index: number, voters: string, others: Partial<Members> = {}): MembersAt {
  const configuration = { voters: voters.split(' ').map(member), outgoing: [], learners: [] };
  return { index, configuration: { ...configuration, ...others } };
}

interface Node {
  readonly standing: Standing;
  readonly told: readonly Removal[];
}

class Nodes {
  readonly networks = new LocalNetworks();

  add(nodeId: string, knowing: Knowing): Node {
    const { store = `s-${nodeId}`, members, commit } = knowing;
    const clock = new CountingClock();
    const exchange = new Exchange({ nodeId, clock, breathe: turn, onNoise: () => undefined });
    exchange.use(this.networks.join({ nodeId, storeId: store, clusterId: 'c' }, exchange));
    const told: Removal[] = [];
    const standing = new Standing({
      self: { id: nodeId, store },
      exchange,
      members: () => members,
      commit: () => commit,
      silence: () => knowing.silence ?? 60_000,
      isJoining: () => knowing.isJoining === true,
      onRemoved: (removal) => told.push(removal),
    });
    return { standing, told };
  }
}

const FOUNDED = at(0, 'a b c');
const JOINT = at(8, 'b c', { outgoing: [member('a'), member('b'), member('c')] });
const WITHOUT = at(9, 'b c');
const LATER = at(20, 'b c d');

/** What `a` learns when it asks `b` and `c`. */
async function learned(a: Knowing, b: Knowing, c: Knowing = b): Promise<Removal | undefined> {
  const nodes = new Nodes();
  const { standing } = nodes.add('a', a);
  nodes.add('b', b);
  nodes.add('c', c);
  await standing.look();
  return standing.removal;
}

const ENDS_BEFORE = { members: [FOUNDED], commit: 5 };

describe('who was removed is told by which entry', () => {
  test.each([
    ['its log ends before the change', ENDS_BEFORE],
    ['its log ends in the middle of the change', { members: [FOUNDED, JOINT], commit: 5 }],
    [
      'it has the entry, and nobody told it that it is committed',
      { members: [WITHOUT], commit: 8 },
    ],
  ])('where %s', async (_what, a) => {
    const others = { members: [FOUNDED, JOINT, WITHOUT, LATER], commit: 30 };
    expect(await learned(a, others)).toEqual({ index: 9 });
  });

  test('where one of the others knows it and one lags behind', async () => {
    const knows = { members: [JOINT, WITHOUT], commit: 9 };
    expect(await learned(ENDS_BEFORE, ENDS_BEFORE, knows)).toEqual({ index: 9 });
  });

  test('where its id takes part with another store', async () => {
    const others = { members: [FOUNDED, at(9, 'a@new b c')], commit: 9 };
    expect(await learned(ENDS_BEFORE, others)).toEqual({ index: 9 });
  });

  test('where the others have compacted the log that says when, by the oldest members they know', async () => {
    expect(await learned(ENDS_BEFORE, { members: [LATER], commit: 30 })).toEqual({ index: 20 });
  });
});

describe('nothing is said', () => {
  test.each<[string, Knowing, Knowing]>([
    [
      'while the change is not committed',
      ENDS_BEFORE,
      { members: [FOUNDED, JOINT, WITHOUT], commit: 8 },
    ],
    ['to a member', ENDS_BEFORE, { members: [FOUNDED], commit: 5 }],
    [
      'to a learner',
      ENDS_BEFORE,
      { members: [at(9, 'b c', { learners: [member('a')] })], commit: 9 },
    ],
    [
      'by who knows less than the asker',
      { members: [at(7, 'a b c')], commit: 7 },
      { members: [at(3, 'b c')], commit: 9 },
    ],
    ['to who hears a leader', { ...ENDS_BEFORE, silence: 100 }, { members: [WITHOUT], commit: 9 }],
    [
      'to who is on its way in',
      { ...ENDS_BEFORE, isJoining: true },
      { members: [WITHOUT], commit: 9 },
    ],
    ['to who knows of no members', { members: [], commit: 0 }, { members: [WITHOUT], commit: 9 }],
  ])('%s', async (_what, a, others) => {
    expect(await learned(a, others)).toBeUndefined();
  });
});

test('it is told once, holds while nobody answers, and is over when a leader is heard', async () => {
  const nodes = new Nodes();
  const a = { ...ENDS_BEFORE, silence: 60_000 };
  let silence = a.silence;
  const { standing, told } = nodes.add('a', {
    ...a,
    get silence() {
      return silence;
    },
  });
  nodes.add('b', { members: [WITHOUT], commit: 9 });
  await standing.look();
  await standing.look();
  nodes.networks.isolate('b');
  await standing.look();
  expect(standing.removal).toEqual({ index: 9 });
  expect(told).toEqual([{ index: 9 }]);
  silence = 10;
  await standing.look();
  expect(standing.removal).toBeUndefined();
});
