/**
 * What the first system of this kind got wrong, each as a test of its own: `trap n` are those that happened,
 * `first version n` the defects of its Raft that were read in it. `../traps.test.ts` says where each of them is held.
 */
import { expect, test } from 'vitest';
import type { Message } from '../../../../src/protocols/raft/core/messages.ts';
import { among, Cores, frame, holding, members, without } from './cores.ts';

test('trap 3: a voter that was restarted remembers whom it voted for, and does not vote twice in a term', () => {
  const cores = new Cores({ restored: (_id, all) => holding([1], all, 1) });
  const asking = {
    kind: 'request_vote',
    to: 'b',
    term: 2,
    question: 0,
    pre: false,
    transfer: true,
  } as const;
  const last = { term: 1, index: 1 };
  cores.slow.add('b');
  cores.tell('b', { kind: 'message', message: { ...asking, from: 'a', store: 'a1', last } });
  expect(cores.sent('request_vote_response')).toEqual([]);
  const hard = cores.writes.get('b')?.at(-1)?.hard;
  cores.persist('b');
  expect(cores.sent('request_vote_response')).toMatchObject([{ granted: true, term: 2 }]);

  cores.slow.delete('b');
  cores.stop('b');
  cores.messages = [];
  const disk = { ...holding([1], members(['a', 'b', 'c']), 2), hard: hard! };
  cores.start('b', 'b1', { restored: disk });
  cores.tell('b', { kind: 'message', message: { ...asking, from: 'c', store: 'c1', last } });
  cores.tell('b', { kind: 'message', message: { ...asking, from: 'a', store: 'a1', last } });
  const answers = cores.sent('request_vote_response').map(({ to, granted }) => [to, granted]);
  expect(answers).toEqual([
    ['c', false],
    ['a', true],
  ]);
});

test('trap 4: a minority that calls the others dead, and asks to be rid of them, decides nothing', () => {
  const cores = new Cores({ voters: ['a', 'b', 'c', 'd', 'e'] });
  const [few, many] = [among('a', 'b'), among('c', 'd', 'e')];
  const isCut = (message: Message): boolean => few(message) || many(message);
  cores.elect('a');
  cores.advance(100);
  const { commit } = cores.status('a');
  const removal = cores.nextId();
  cores.tell('a', { kind: 'change', id: removal, wanted: members(['a', 'b']) });
  callDead(cores);
  cores.advance(5_000, isCut);
  callDead(cores);
  cores.advance(5_000, isCut);
  for (const id of ['a', 'b']) {
    expect(cores.status(id).role).not.toBe('leader');
    expect(cores.status(id).commit).toBe(commit);
  }
  expect(cores.outcome('a', removal)?.kind).not.toBe('committed');
  const leader = ['c', 'd', 'e'].find((id) => cores.status(id).role === 'leader');
  const [asked] = cores.propose(leader!);
  cores.advance(200, isCut);
  expect(cores.outcome(leader!, asked!)).toMatchObject({ kind: 'committed' });

  cores.advance(2_000);
  for (const id of cores.ids) {
    expect(cores.status(id)).toMatchObject({ leader: cores.status(leader!).leader });
    expect(cores.status(id).configuration).toMatchObject({ outgoing: [], learners: [] });
    expect(cores.status(id).configuration.voters).toHaveLength(5);
  }
});

/** On the side of the few, all others. */
function callDead(cores: Cores): void {
  for (const peer of ['c', 'd', 'e'])
    for (const id of ['a', 'b']) cores.tell(id, { kind: 'suspect', peer, dead: true });
}

test('first version 1: nothing is answered as done before a majority has it', () => {
  const cores = new Cores();
  cores.elect('a');
  const [asked] = cores.propose('a');
  cores.deliver(() => false);
  cores.advance(100, () => false);
  expect(cores.outcome('a', asked!)).toBeUndefined();
  cores.advance(50, among('a', 'b'));
  cores.advance(50, among('a', 'b'));
  expect(cores.outcome('a', asked!)).toMatchObject({ kind: 'committed' });
});

test('first version 2: a single node commits what it appends, by itself', () => {
  const cores = new Cores({ voters: ['a'] });
  cores.elect('a');
  const [asked] = cores.propose('a');
  expect(cores.outcome('a', asked!)).toMatchObject({ kind: 'committed' });
});

test('first version 3: what an older term left uncommitted commits with the first entry of the next', () => {
  const cores = new Cores({
    voters: ['a', 'b', 'c'],
    restored: (id, all) => holding(id === 'c' ? [1] : [1, 2, 2], all, 2),
  });
  cores.elect('a');
  cores.deliver();
  expect(cores.status('a')).toMatchObject({ term: 3, commit: 4, last: { term: 3, index: 4 } });
});

test('first version 3: who cannot win raises no term, however often it asks', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.advance(100);
  cores.advance(5_000, ({ from, to }) => from !== 'c' && to !== 'c');
  expect(cores.status('c').term).toBe(1);
  cores.advance(1_000);
  expect(cores.status('a')).toMatchObject({ role: 'leader', term: 1 });
});

test('first version 4: a candidate that hears the leader of its own term follows it', () => {
  const cores = new Cores();
  cores.now = 300;
  cores.tell('a', { kind: 'wake' });
  cores.deliver((message) => 'pre' in message && message.pre);
  expect(cores.status('a')).toMatchObject({ role: 'candidate', term: 1 });
  cores.tell('a', {
    kind: 'message',
    message: {
      kind: 'append_entries',
      from: 'b',
      store: 'b1',
      to: 'a',
      term: 1,
      previous: { term: 0, index: 0 },
      entries: [{ term: 1, index: 1, frame: frame() }],
      commit: 0,
      round: 0,
      quiesce: false,
      eased: false,
    },
  });
  expect(cores.status('a')).toMatchObject({ role: 'follower', term: 1, leader: 'b' });
});

test('first version 5: whoever is called dead still counts: a suspicion makes no quorum smaller', () => {
  const cores = new Cores({ voters: ['a', 'b', 'c', 'd', 'e'] });
  cores.elect('a');
  for (const peer of ['c', 'd', 'e'])
    for (const id of ['a', 'b']) cores.tell(id, { kind: 'suspect', peer, dead: true });
  const [asked] = cores.propose('a');
  cores.advance(100, among('a', 'b'));
  expect(cores.status('a').configuration.voters).toHaveLength(5);
  expect(cores.outcome('a', asked!)).toBeUndefined();
});

test('first version 6: whoever founds a group is one of its members', () => {
  const cores = new Cores({ voters: ['a', 'b', 'c'] });
  for (const id of cores.ids)
    expect(cores.status(id).configuration.voters.map((voter) => voter.id)).toContain(id);
  // And counts: of three, itself and one other are a majority.
  cores.elect('a');
  const [asked] = cores.propose('a');
  cores.advance(100, among('a', 'b'));
  expect(cores.outcome('a', asked!)).toMatchObject({ kind: 'committed' });
});

test('first version 11: of changes of members one is under way; the next are refused at once, not kept', () => {
  const cores = new Cores({ voters: ['a', 'b', 'c'], learners: ['d'] });
  cores.elect('a');
  cores.advance(100);
  const asked = Array.from({ length: 50 }, () => {
    const id = cores.nextId();
    cores.tell('a', { kind: 'change', id, wanted: members(['a', 'b', 'c']) });
    return id;
  });
  const outcomes = asked.map((id) => cores.outcome('a', id));
  expect(outcomes[0]).toBeUndefined();
  for (const outcome of outcomes.slice(1))
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'change_pending' });
  cores.advance(500);
  expect(cores.outcome('a', asked[0]!)).toMatchObject({ kind: 'committed' });
  expect(cores.status('a').configuration).toMatchObject({ outgoing: [], learners: [] });
});

test('first version 11: what waits for a majority that does not come is bounded, and refused beyond', () => {
  const cores = new Cores({ bounds: { uncommitted_bytes: 1_000 } });
  cores.elect('a');
  const asked = cores.propose('a', 200, 10);
  cores.deliver(without('append_entries'));
  const refused = asked.filter((id) => cores.outcome('a', id)?.kind === 'refused');
  expect(refused.length).toBeGreaterThan(0);
  expect(cores.outcome('a', refused[0]!)).toMatchObject({ reason: 'uncommitted_full' });
});
