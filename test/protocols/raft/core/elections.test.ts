import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RequestVote } from '../../../../src/protocols/raft/core/messages.ts';
import { among, Cores, EMPTY, holding, member, members, without } from './cores.ts';

function voteRequest(from: string, over: Partial<RequestVote> = {}): RequestVote {
  return {
    kind: 'request_vote',
    from,
    store: `${from}1`,
    to: 'a',
    term: 5,
    question: 0,
    pre: false,
    transfer: false,
    last: { term: 4, index: 9 },
    ...over,
  };
}

function answerTo(cores: Cores, request: RequestVote): boolean {
  cores.messages = [];
  cores.tell(request.to, { kind: 'message', message: request });
  return cores.sent('request_vote_response').some(({ granted }) => granted);
}

/** Core a, in term 1, with its own vote and nobody else's yet. */
function candidateOf(voters: readonly string[]): Cores {
  const cores = new Cores({ voters });
  cores.now = 300;
  cores.tell('a', { kind: 'wake' });
  cores.deliver((message) => 'pre' in message && message.pre);
  expect(cores.status('a')).toMatchObject({ role: 'candidate', term: 1 });
  return cores;
}

test('I2: a vote given in a term stays given: after following a leader of that term, and after asking for votes', () => {
  const cores = new Cores();
  expect(answerTo(cores, voteRequest('b'))).toBe(true);
  cores.tell('a', {
    kind: 'message',
    message: {
      kind: 'append_entries',
      from: 'b',
      store: 'b1',
      to: 'a',
      term: 5,
      previous: { term: 4, index: 9 },
      entries: [],
      commit: 0,
      round: 0,
      quiesce: false,
      eased: false,
    },
  });
  cores.now += 1_000;
  expect(answerTo(cores, voteRequest('c'))).toBe(false);
  cores.tell('a', { kind: 'wake' });
  expect(cores.status('a').role).toBe('pre_candidate');
  expect(answerTo(cores, voteRequest('c'))).toBe(false);
  expect(answerTo(cores, voteRequest('b'))).toBe(true);
});

test('I2: the same id with another store is another candidate: it does not share a vote', () => {
  const cores = new Cores();
  expect(answerTo(cores, voteRequest('b'))).toBe(true);
  expect(answerTo(cores, voteRequest('b', { store: 'b2' }))).toBe(false);
});

test('I1: a vote and a request for votes leave when the disk has the term, and not before', () => {
  const cores = new Cores();
  cores.slow.add('a').add('b');
  cores.now = 300;
  cores.tell('a', { kind: 'wake' });
  cores.deliver();
  expect(cores.status('a')).toMatchObject({ role: 'candidate', term: 1 });
  expect(cores.messages).toEqual([]);
  cores.persist('a');
  expect(cores.sent('request_vote')).toHaveLength(2);
  cores.deliver(among('a', 'b'));
  expect(cores.status('a').role).toBe('candidate');
  cores.persist('b');
  cores.deliver();
  expect(cores.status('a').role).toBe('leader');
});

test('a single voter elects itself when its disk has the term, and commits what its disk has', () => {
  const cores = new Cores({ voters: ['a'] });
  cores.slow.add('a');
  cores.now = 300;
  cores.tell('a', { kind: 'wake' });
  expect(cores.status('a').role).toBe('candidate');
  cores.persist('a', 1);
  expect(cores.status('a')).toMatchObject({ role: 'leader', commit: 0 });
  cores.persist('a');
  expect(cores.status('a').commit).toBe(1);
});

test('the same vote delivered twice counts once', () => {
  const cores = candidateOf(['a', 'b', 'c', 'd', 'e']);
  for (let times = 0; times < 4; times += 1) cores.vote('a', 'b', true);
  expect(cores.status('a').role).toBe('candidate');
});

test('I2: a vote that was given to the store before it under the same id is not counted again', () => {
  const cores = candidateOf(['a', 'b', 'c']);
  const given = {
    kind: 'request_vote_response',
    from: 'b',
    store: 'b1',
    to: 'a',
    term: 1,
  } as const;
  const message = { ...given, question: 0, pre: false, granted: true, stale_member: false };
  cores.tell('a', { kind: 'message', message: { ...message, asker: 'a0' } });
  expect(cores.status('a').role).toBe('candidate');
  cores.tell('a', { kind: 'message', message: { ...message, asker: 'a1' } });
  expect(cores.status('a').role).toBe('leader');
});

test('a late refusal of the pre-vote does not depose who has won the vote since', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.tell('a', {
    kind: 'message',
    message: {
      kind: 'request_vote_response',
      asker: 'a1',
      from: 'c',
      store: 'c1',
      to: 'a',
      term: 0,
      question: 0,
      pre: true,
      granted: false,
      stale_member: false,
    },
  });
  expect(cores.status('a').role).toBe('leader');
});

test('as long as a leader is heard, a pre-vote and a vote are refused, and no term is raised', () => {
  const cores = new Cores();
  cores.elect('b');
  expect(answerTo(cores, voteRequest('c', { pre: true }))).toBe(false);
  expect(answerTo(cores, voteRequest('c'))).toBe(false);
  expect(cores.status('a').term).toBe(1);
  cores.now += 150;
  expect(answerTo(cores, voteRequest('c', { pre: true }))).toBe(true);
  expect(cores.status('a').term).toBe(1);
});

test('who returns from a partition raises no term, and follows', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.advance(3_000, among('a', 'b'));
  expect(cores.status('c')).toMatchObject({ role: 'pre_candidate', term: 1 });
  cores.advance(600);
  expect(cores.status('a')).toMatchObject({ role: 'leader', term: 1 });
  expect(cores.status('c')).toMatchObject({ role: 'follower', term: 1, leader: 'a' });
});

test('nodes of lower terms learn the higher one from refused pre-votes, and one of them comes to lead', () => {
  const cores = new Cores({
    restored: (id, configuration) => holding([1, 1], configuration, id === 'c' ? 9 : 3),
  });
  cores.advance(2_000);
  const leaders = ['a', 'b', 'c'].filter((id) => cores.status(id).role === 'leader');
  expect(leaders).toHaveLength(1);
  expect(cores.status('c').term).toBeGreaterThan(9);
});

test('a leader that hears no majority for an election timeout steps down, and says why', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.traces.length = 0;
  cores.advance(700, among('b', 'c'));
  expect(cores.status('a').role).not.toBe('leader');
  expect(cores.traces).toContain('a became follower: no majority was heard for 300 ms');
});

test('an election tells why it was held, and in which term', () => {
  const cores = new Cores();
  cores.elect('a');
  expect(cores.status('a').election).toMatchObject({ why: 'no leader was heard', term: 1 });
});

test('a suspicion of one costs a round of questions; of a majority, it replaces the leader at once', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.tell('b', { kind: 'suspect', peer: 'a', dead: true });
  cores.advance(20, without('append_entries'));
  expect(cores.status('b').term).toBe(1);
  cores.advance(200);
  expect(cores.status('a')).toMatchObject({ role: 'leader', term: 1 });
  cores.stop('a');
  for (const id of ['b', 'c']) cores.tell(id, { kind: 'suspect', peer: 'a', dead: true });
  cores.advance(20);
  expect(['b', 'c'].some((id) => cores.status(id).role === 'leader')).toBe(true);
});

/** The leader a of three died, b and c know it, and stand at the same time: their votes for each other's term are given. */
function split(): Cores {
  const cores = new Cores();
  cores.elect('a');
  cores.stop('a');
  for (const id of ['b', 'c']) cores.tell(id, { kind: 'suspect', peer: 'a', dead: true });
  cores.now += 10;
  for (const id of ['b', 'c']) cores.tell(id, { kind: 'wake' });
  cores.deliver();
  expect(cores.traces.filter((trace) => trace.includes('became candidate'))).toHaveLength(3);
  return cores;
}

test('who split the vote, while who could decide it is dead, ask again within ten milliseconds, and one leads', () => {
  const cores = split();
  for (const id of ['b', 'c'])
    expect(cores.status(id)).toMatchObject({ role: 'candidate', term: 2 });
  // At different moments: else they would split it again.
  const drawn = ['b', 'c'].map((id) => cores.effects.get(id)?.next_wake);
  expect(new Set([cores.now, ...drawn])).toHaveLength(3);
  cores.advance(10);
  const leaders = ['b', 'c'].filter((id) => cores.status(id).role === 'leader');
  expect(leaders).toHaveLength(1);
  expect(cores.status(leaders[0]!).term).toBe(3);
});

test('who split the vote, while one who could decide it does not answer yet, wait for its answer', () => {
  const cores = candidateOf(['a', 'b', 'c']);
  cores.vote('a', 'b', false);
  cores.deliver(() => false);
  cores.advance(100, () => false);
  expect(cores.status('a')).toMatchObject({ role: 'candidate', term: 1 });
});

test('who is refused when it asks whether it would win does not ask again at once, whoever is dead', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.stop('a');
  cores.tell('b', { kind: 'suspect', peer: 'a', dead: true });
  cores.advance(10);
  const asked = cores.status('b').election?.at;
  expect(cores.status('b').role).toBe('pre_candidate');
  cores.advance(100);
  expect(cores.status('b').election?.at).toBe(asked);
});

test('who hears from a suspected leader again trusts it again', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.tell('b', { kind: 'suspect', peer: 'a', dead: true });
  cores.advance(60, ({ from }) => from === 'a');
  expect(cores.status('b')).toMatchObject({ role: 'follower', leader: 'a' });
  expect(answerTo(cores, voteRequest('c', { to: 'b', pre: true }))).toBe(false);
});

test('a leader that is told that it is dead itself knows better', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.tell('a', { kind: 'suspect', peer: 'a', dead: true });
  expect(answerTo(cores, voteRequest('b'))).toBe(false);
  expect(cores.status('a')).toMatchObject({ role: 'leader', term: 1 });
});

test('an empty store votes for nobody and asks nobody, whatever it is told', () => {
  const cores = new Cores({ strangers: ['x'] });
  expect(answerTo(cores, voteRequest('a', { to: 'x' }))).toBe(false);
  cores.tell('x', {
    kind: 'message',
    message: { kind: 'timeout_now', from: 'a', store: 'a1', to: 'x', term: 5 },
  });
  expect(cores.status('x').role).toBe('follower');
  expect(cores.effects.get('x')?.next_wake).toBeUndefined();
});

test('a voter that lost its disk grants nothing, also once it knows who the members are', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.propose('a', 3);
  cores.deliver();
  cores.start('c', 'c2', { restored: EMPTY });
  cores.propose('a', 2);
  cores.advance(100);
  expect(
    answerTo(cores, voteRequest('b', { to: 'c', term: 2, last: { term: 9, index: 99 } })),
  ).toBe(false);
  cores.tell('c', { kind: 'found', configuration: members(['a', 'b', 'c']) });
  expect(
    answerTo(cores, voteRequest('b', { to: 'c', term: 3, last: { term: 9, index: 99 } })),
  ).toBe(false);
  expect(cores.status('a').peers.find(({ id }) => id === 'c')?.match).toBe(4);
});

test('what a stranger answers raises no term and counts for nothing', () => {
  const cores = new Cores();
  cores.elect('a');
  const stranger = { from: 'c', store: 'c2', to: 'a', term: 7 };
  cores.tell('a', {
    kind: 'message',
    message: { ...stranger, kind: 'append_entries_response', round: 0, success: true, match: 1 },
  });
  cores.tell('a', {
    kind: 'message',
    message: {
      ...stranger,
      kind: 'request_vote_response',
      asker: 'a1',
      question: 0,
      pre: false,
      granted: false,
      stale_member: true,
    },
  });
  expect(cores.status('a')).toMatchObject({ role: 'leader', term: 1 });
});

test('a member that was removed and does not know is told so, and rests until a leader speaks to it', () => {
  const restored = (id: string) =>
    id === 'd'
      ? holding([1], members(['a', 'b', 'd']), 1)
      : {
          ...holding([1, 1], members(['a', 'b', 'c']), 1),
          hard: { term: 1, vote: '', commit: 2 },
          configurations: [{ index: 2, configuration: members(['a', 'b', 'c']) }],
        };
  const cores = new Cores({ voters: ['a', 'b', 'c', 'd'], restored });
  cores.now = 300;
  cores.tell('d', { kind: 'wake' });
  cores.deliver();
  expect(cores.status('d').role).toBe('follower');
  expect(cores.effects.get('d')?.next_wake).toBeUndefined();
  for (const id of ['a', 'b', 'c']) expect(cores.status(id).term).toBe(1);
});

test('who was founded with members asks for votes; before, it waits for ever', () => {
  const cores = new Cores({ voters: ['a'], restored: () => EMPTY });
  expect(cores.effects.get('a')?.next_wake).toBeUndefined();
  cores.tell('a', { kind: 'found', configuration: members(['a']) });
  cores.advance(400);
  expect(cores.status('a').role).toBe('leader');
  const others = { voters: [member('z')], outgoing: [], learners: [] };
  cores.tell('a', { kind: 'found', configuration: others });
  expect(cores.status('a').configuration).toEqual(members(['a']));
});

test('the vote goes to logs that are at least as new: by the last term, then by length', () => {
  const table: readonly (readonly [number, number, boolean])[] = [
    [3, 9, false],
    [4, 2, false],
    [4, 3, true],
    [4, 4, true],
    [5, 1, true],
    [0, 0, false],
  ];
  for (const [term, index, granted] of table) {
    const cores = new Cores({ restored: (_id, all) => holding([1, 4, 4], all, 4) });
    expect(answerTo(cores, voteRequest('b', { last: { term, index } }))).toBe(granted);
  }
});

test('who was stopped hears what was sent meanwhile before it asks for votes', () => {
  const cores = new Cores({ timing: { stall: 100 } });
  cores.elect('a');
  cores.now += 60_000;
  cores.tell('b', { kind: 'wake' });
  expect(cores.status('b').role).toBe('follower');
  expect(cores.effects.get('b')?.next_wake).toBeGreaterThan(cores.now);
});

test('a follower that is stopped now and then, for however long, asks nobody for votes', () => {
  const pauses = fc.array(
    fc.record({
      of: fc.constantFrom('b', 'c'),
      after: fc.integer({ min: 0, max: 200 }),
      lasting: fc.integer({ min: 1, max: 2_000 }),
      hearsFirst: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(pauses, (all) => {
      const cores = new Cores({ timing: { stall: 25 } });
      cores.elect('a');
      cores.advance(100);
      for (const { of, after, lasting, hearsFirst } of all) {
        cores.advance(after);
        cores.freeze(of);
        cores.advance(lasting);
        const missed = cores.thaw(of);
        if (!hearsFirst) cores.tell(of, { kind: 'wake' });
        for (const message of missed) cores.tell(of, { kind: 'message', message });
      }
      cores.advance(1_000);
      expect(cores.status('a')).toMatchObject({ role: 'leader', term: 1 });
      for (const follower of ['b', 'c'])
        expect(cores.status(follower)).toMatchObject({ role: 'follower', term: 1, leader: 'a' });
      expect(cores.traces.filter((trace) => trace.includes('pre_candidate'))).toHaveLength(1);
    }),
  );
});

test('a leader whose followers are all stopped at once for less than its patience leads on, and nobody asks for votes', () => {
  const cores = new Cores({ timing: { stall: 25, quorum_patience: 1_500 } });
  cores.elect('a');
  cores.advance(100);
  for (const id of ['b', 'c']) cores.freeze(id);
  cores.advance(1_400);
  for (const id of ['b', 'c'])
    for (const message of cores.thaw(id)) cores.tell(id, { kind: 'message', message });
  cores.advance(2_000);
  for (const id of ['a', 'b', 'c'])
    expect(cores.status(id)).toMatchObject({ term: 1, leader: 'a' });
  for (const id of ['b', 'c']) cores.freeze(id);
  cores.advance(1_600);
  expect(cores.status('a').role).toBe('follower');
});

test('who keeps timing out together does not keep splitting the vote', () => {
  const cores = new Cores({ voters: ['a', 'b', 'c', 'd', 'e'] });
  cores.advance(3_000);
  const [leader] = ['a', 'b', 'c', 'd', 'e'].filter((id) => cores.status(id).role === 'leader');
  expect(leader).toBeDefined();
  expect(cores.status(leader!).term).toBeLessThan(4);
});
