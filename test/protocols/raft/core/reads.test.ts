import { expect, test } from 'vitest';
import { among, Cores, without } from './cores.ts';

function read(cores: Cores, id: string): number {
  const asked = cores.nextId();
  cores.tell(id, { kind: 'read', id: asked });
  return asked;
}

test('a read is answered with the commit index of its moment once a majority has said that the leader leads', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.propose('a', 2);
  cores.deliver();
  const asked = read(cores, 'a');
  expect(cores.outcome('a', asked)).toBeUndefined();
  cores.deliver();
  expect(cores.outcome('a', asked)).toEqual({ kind: 'readable', id: asked, index: 3 });
});

test('a single voter answers at once', () => {
  const cores = new Cores({ voters: ['a'] });
  cores.elect('a');
  const asked = read(cores, 'a');
  expect(cores.outcome('a', asked)).toMatchObject({ kind: 'readable', index: 1 });
});

test('reads of one turn share a round of messages', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.messages = [];
  const ids = Array.from({ length: 50 }, () => cores.nextId());
  for (const id of ids) cores.step('a', { kind: 'read', id });
  cores.take('a');
  expect(cores.sent('append_entries')).toHaveLength(2);
  cores.deliver();
  for (const id of ids) expect(cores.outcome('a', id)?.kind).toBe('readable');
});

test('before its term has committed something, a leader answers no read', () => {
  const cores = new Cores();
  cores.now = 300;
  cores.tell('a', { kind: 'wake' });
  cores.deliver(({ kind }) => kind.startsWith('request_vote'));
  const asked = read(cores, 'a');
  expect(cores.status('a')).toMatchObject({ role: 'leader', commit: 0 });
  expect(cores.outcome('a', asked)).toBeUndefined();
  cores.advance(100);
  expect(cores.outcome('a', asked)).toMatchObject({ kind: 'readable', index: 1 });
});

test('an answer to an older message does not confirm a read that came after it', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.advance(60, without('append_entries_response'));
  const older = cores.sent('append_entries_response');
  const asked = read(cores, 'a');
  for (const message of older) cores.tell('a', { kind: 'message', message });
  expect(cores.outcome('a', asked)).toBeUndefined();
});

test('a leader that was replaced without knowing answers no read, and refuses them when it learns', () => {
  const cores = new Cores();
  cores.elect('a');
  const before = read(cores, 'a');
  cores.messages = [];
  cores.advance(800, among('b', 'c'));
  const outcome = cores.outcome('a', before);
  expect(outcome).toMatchObject({ kind: 'refused', reason: 'no_leader' });
  expect(cores.settled.get('a')?.filter(({ id }) => id === before)).toHaveLength(1);
});

test('a follower asks its leader where a read must have applied to', () => {
  const cores = new Cores({ learners: ['d'] });
  cores.elect('a');
  cores.propose('a', 4);
  cores.deliver();
  const asked = ['b', 'd'].map((id) => [id, read(cores, id)] as const);
  cores.deliver();
  for (const [id, one] of asked)
    expect(cores.outcome(id, one)).toEqual({ kind: 'readable', id: one, index: 5 });
});

test('a question that is lost is refused within an election timeout, an answer that comes later is nobody’s', () => {
  const cores = new Cores();
  cores.elect('a');
  const asked = read(cores, 'b');
  const [question] = cores.sent('read_index');
  cores.messages = [];
  cores.advance(400);
  expect(cores.outcome('b', asked)).toMatchObject({ kind: 'refused', reason: 'no_leader' });
  cores.tell('a', { kind: 'message', message: question! });
  cores.deliver();
  expect(cores.settled.get('b')?.filter(({ id }) => id === asked)).toHaveLength(1);
});

test('who knows no leader refuses a read, and so does who asked a leader that was replaced', () => {
  const cores = new Cores();
  expect(cores.outcome('b', read(cores, 'b'))).toMatchObject({ reason: 'no_leader' });
  cores.elect('a');
  const asked = read(cores, 'b');
  cores.messages = [];
  cores.advance(100, among('a', 'c'));
  cores.tell('b', {
    kind: 'message',
    message: { kind: 'timeout_now', from: 'a', store: 'a1', to: 'b', term: 1 },
  });
  expect(cores.outcome('b', asked)).toMatchObject({ kind: 'refused' });
});

test('a leader that cannot be sure answers a follower’s question with: look elsewhere', () => {
  const cores = new Cores();
  cores.elect('a');
  const asked = read(cores, 'b');
  cores.deliver(({ kind }) => kind === 'read_index');
  cores.messages = [];
  cores.advance(1_000, ({ kind }) => kind === 'read_index_response');
  expect(cores.outcome('b', asked)).toMatchObject({ kind: 'refused', reason: 'no_leader' });
});

test('I8: waiting reads are bounded, at the leader and at a follower', () => {
  const cores = new Cores({ bounds: { reads: 3 } });
  cores.elect('a');
  for (const id of ['a', 'b']) {
    const asked = [1, 2, 3, 4].map(() => read(cores, id));
    expect(cores.outcome(id, asked[3]!)).toMatchObject({ reason: 'uncommitted_full' });
    cores.deliver();
    for (const one of asked.slice(0, 3)) expect(cores.outcome(id, one)?.kind).toBe('readable');
    cores.deliver();
    const again = read(cores, id);
    cores.deliver();
    expect(cores.outcome(id, again)?.kind).toBe('readable');
  }
});

test('while leadership is handed over, reads are refused', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.propose('a');
  cores.tell('a', { kind: 'transfer', id: cores.nextId(), to: 'b' });
  expect(cores.outcome('a', read(cores, 'a'))).toMatchObject({ reason: 'transferring' });
});

test('reads that come while two rounds are open share the next one', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.messages = [];
  const early = [read(cores, 'a'), read(cores, 'a')];
  const late = Array.from({ length: 20 }, () => read(cores, 'a'));
  expect(cores.sent('append_entries')).toHaveLength(4);
  cores.deliver();
  for (const id of [...early, ...late]) expect(cores.outcome('a', id)?.kind).toBe('readable');
});

test('a round whose messages are lost is repeated by the next heartbeat, and those behind it with it', () => {
  const cores = new Cores();
  cores.elect('a');
  const ids = Array.from({ length: 5 }, () => read(cores, 'a'));
  cores.messages = [];
  cores.advance(120);
  for (const id of ids) expect(cores.outcome('a', id)?.kind).toBe('readable');
});

test('a follower has two questions on their way at most; who asks meanwhile shares the next', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.messages = [];
  const ids = Array.from({ length: 20 }, () => read(cores, 'b'));
  expect(cores.sent('read_index')).toHaveLength(2);
  cores.deliver();
  for (const id of ids) expect(cores.outcome('b', id)?.kind).toBe('readable');
});

test('questions that are lost make room for those who wait behind them', () => {
  const cores = new Cores();
  cores.elect('a');
  const lost = [read(cores, 'b'), read(cores, 'b')];
  cores.messages = [];
  const behind = read(cores, 'b');
  cores.advance(400);
  for (const id of lost) expect(cores.outcome('b', id)).toMatchObject({ reason: 'no_leader' });
  expect(cores.outcome('b', behind)).toMatchObject({ kind: 'readable' });
});
