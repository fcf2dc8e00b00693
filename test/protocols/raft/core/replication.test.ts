import { expect, test } from 'vitest';
import type { AppendEntries, Message } from '../../../../src/protocols/raft/core/messages.ts';
import { among, Cores, entries, frame, holding, members } from './cores.ts';

const PEOPLE = members(['a', 'b', 'c']);

function append(to: string, over: Partial<AppendEntries> = {}): Message {
  return {
    kind: 'append_entries',
    from: 'b',
    store: 'b1',
    to,
    term: 5,
    previous: { term: 0, index: 0 },
    entries: [],
    commit: 0,
    round: 0,
    quiesce: false,
    eased: false,
    ...over,
  };
}

function termsOf(cores: Cores, id: string): number[] {
  const { last } = cores.status(id);
  return Array.from({ length: last.index }, (_, at) => cores.entry(id, at + 1)?.term ?? 0);
}

test('what is proposed is committed on a majority, told to the others, and settled in order', () => {
  const cores = new Cores();
  cores.elect('a');
  const ids = cores.propose('a', 3);
  cores.deliver();
  expect(ids.map((id) => cores.outcome('a', id))).toEqual(
    ids.map((id, at) => ({ kind: 'committed', id, place: { term: 1, index: at + 2 } })),
  );
  for (const id of ['a', 'b', 'c']) expect(cores.status(id).commit).toBe(4);
});

test('what one turn proposes travels together: one message per follower, one write', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.slow.add('a');
  for (let turn = 0; turn < 5; turn += 1)
    cores.step('a', {
      kind: 'propose',
      proposals: [{ id: cores.nextId(), frame: frame() }],
    });
  cores.take('a');
  const sent = cores.sent('append_entries').map(({ to, entries: all }) => [to, all.length]);
  expect(sent).toEqual([
    ['b', 5],
    ['c', 5],
  ]);
  expect(cores.writes.get('a')).toHaveLength(1);
});

test('an entry commits on what disks have, the leader’s own included: two disks of three are enough', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.slow.add('a').add('b').add('c');
  cores.propose('a');
  cores.deliver();
  expect(cores.status('a').commit).toBe(1);
  cores.persist('a');
  cores.deliver();
  expect(cores.status('a').commit).toBe(1);
  cores.persist('b');
  cores.deliver();
  expect(cores.status('a').commit).toBe(2);
});

test('I1: followers alone may commit it, but the leader applies what its own disk has', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.slow.add('a');
  const [id] = cores.propose('a');
  cores.deliver();
  expect(cores.status('a').commit).toBe(2);
  expect(cores.outcome('a', id!)?.kind).toBe('committed');
  expect(cores.take('a').commit).toBe(1);
  cores.persist('a');
  expect(cores.take('a').commit).toBe(2);
});

test('an entry of an older term that reached a majority is not committed by counting', () => {
  const cores = new Cores({ restored: (id, all) => holding(id === 'c' ? [1] : [1, 2], all, 2) });
  cores.now = 300;
  cores.tell('a', { kind: 'wake' });
  cores.deliver(({ kind }) => kind.startsWith('request_vote'));
  expect(cores.status('a')).toMatchObject({ role: 'leader', term: 3 });
  const stored = { from: 'b', store: 'b1', to: 'a', term: 3, round: 0 };
  const matched = { kind: 'append_entries_response', success: true } as const;
  cores.tell('a', { kind: 'message', message: { ...stored, ...matched, match: 2 } });
  expect(cores.status('a').commit).toBe(0);
  cores.tell('a', { kind: 'message', message: { ...stored, ...matched, match: 3 } });
  expect(cores.status('a').commit).toBe(3);
});

test('the same answer twice counts once, and one that promises more than there is counts for nothing', () => {
  const cores = new Cores({ voters: ['a', 'b', 'c', 'd', 'e'] });
  cores.elect('a');
  cores.propose('a');
  cores.messages = [];
  const answer = {
    kind: 'append_entries_response',
    from: 'b',
    store: 'b1',
    to: 'a',
    term: 1,
    round: 0,
    success: true,
  } as const;
  for (const match of [2, 2, 2, 99])
    cores.tell('a', { kind: 'message', message: { ...answer, match } });
  expect(cores.status('a').commit).toBe(1);
  expect(cores.status('a').peers.find(({ id }) => id === 'b')?.match).toBe(2);
});

test('a follower takes what fits, takes back what conflicts, and keeps what a late message does not mention', () => {
  const table: readonly (readonly [number, number, readonly number[], readonly number[]])[] = [
    [2, 2, [3], [1, 2, 3]],
    [1, 1, [3, 4], [1, 3, 4]],
    [0, 0, [1], [1, 2]],
    [0, 0, [3], [3]],
    [1, 1, [2], [1, 2]],
    [2, 2, [], [1, 2]],
  ];
  for (const [index, term, sent, expected] of table) {
    const cores = new Cores({ restored: () => holding([], PEOPLE) });
    cores.tell('a', { kind: 'message', message: append('a', { entries: entries([1, 2]) }) });
    const over = { previous: { term, index }, entries: entries(sent, index + 1) };
    cores.tell('a', { kind: 'message', message: append('a', over) });
    expect(termsOf(cores, 'a')).toEqual(expected);
  }
});

test('a follower commits what this very message has proved, heartbeats included', () => {
  const cores = new Cores({ restored: (_id, all) => holding([1, 1, 1, 2, 2], all, 5) });
  const over = { previous: { term: 1, index: 2 }, commit: 5 };
  cores.tell('a', { kind: 'message', message: append('a', over) });
  expect(cores.status('a').commit).toBe(2);
});

test('what is committed is never taken back: a message that is late enough to contradict it only matches', () => {
  const cores = new Cores();
  cores.elect('b');
  cores.propose('b', 3);
  cores.deliver();
  const late = append('a', { term: 1, entries: entries([1]), previous: { term: 0, index: 0 } });
  cores.tell('a', { kind: 'message', message: late });
  expect(cores.status('a')).toMatchObject({ commit: 4, last: { index: 4 } });
  expect(cores.sent('append_entries_response').at(-1)).toMatchObject({ success: true, match: 4 });
});

test('logs that differ in fifty terms are brought together in one round trip per conflicting term', () => {
  const own = Array.from({ length: 200 }, (_, at) => Math.floor(at / 4) * 2 + 1);
  const other = Array.from({ length: 200 }, (_, at) =>
    at < 8 ? own[at]! : Math.floor(at / 4) * 2,
  );
  const cores = new Cores({ restored: (id, all) => holding(id === 'c' ? other : own, all, 200) });
  cores.elect('a');
  let refusals = 0;
  cores.advance(600, (message) => {
    if (message.kind === 'append_entries_response' && !message.success) refusals += 1;
    return true;
  });
  expect(refusals).toBeLessThanOrEqual(50);
  // Where they agree is found; what follows is on the leader's disk only.
  expect(cores.fetches).toContainEqual(expect.objectContaining({ peer: 'c', from: 9 }));
});

test('a stream to a silent follower stops at its bound, and goes on when it answers', () => {
  const cores = new Cores({ bounds: { in_flight_messages: 3 } });
  cores.elect('a');
  for (let turn = 0; turn < 10; turn += 1) cores.propose('a');
  const toC = cores
    .sent('append_entries')
    .filter(({ to, entries: all }) => to === 'c' && all.length > 0);
  expect(toC).toHaveLength(3);
  expect(cores.status('a').peers.find(({ id }) => id === 'c')).toMatchObject({
    in_flight_messages: 3,
    paused: true,
  });
  cores.deliver();
  expect(cores.status('c').last.index).toBe(11);
});

test('a window whose messages were all lost is tried again without new traffic', () => {
  const cores = new Cores({ bounds: { in_flight_messages: 2 } });
  cores.elect('a');
  for (let turn = 0; turn < 6; turn += 1) cores.propose('a');
  cores.messages = [];
  cores.advance(200);
  for (const id of ['b', 'c'])
    expect(cores.status(id)).toMatchObject({ last: { index: 7 }, commit: 7 });
});

test('a follower that was lost is probed with one message, and streamed to when it answers', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.tell('a', { kind: 'unreachable', peer: 'c' });
  cores.propose('a');
  cores.propose('a');
  const toC = cores.sent('append_entries').filter(({ to }) => to === 'c');
  expect(toC).toHaveLength(1);
  cores.deliver();
  expect(cores.status('a').peers.find(({ id }) => id === 'c')).toMatchObject({
    state: 'replicate',
    match: 3,
  });
});

test('proposals wait at the bound of uncommitted bytes, one larger than it is taken alone, and nothing leaks', () => {
  const cores = new Cores({ bounds: { uncommitted_bytes: 100 } });
  cores.elect('a');
  for (let round = 0; round < 5; round += 1) {
    const taken = cores.propose('a', 10, 10);
    const [refused] = cores.propose('a', 1, 10);
    expect(cores.outcome('a', refused!)).toMatchObject({
      kind: 'refused',
      reason: 'uncommitted_full',
    });
    cores.deliver();
    for (const id of taken) expect(cores.outcome('a', id)?.kind).toBe('committed');
    const [large] = cores.propose('a', 1, 5_000);
    cores.deliver();
    expect(cores.outcome('a', large!)?.kind).toBe('committed');
    cores.tell('a', { kind: 'transfer', id: cores.nextId(), to: 'b' });
    cores.deliver();
    cores.tell('b', { kind: 'transfer', id: cores.nextId(), to: 'a' });
    cores.deliver();
  }
});

test('who does not lead says who does, if it knows', () => {
  const cores = new Cores();
  const [early] = cores.propose('c');
  expect(cores.outcome('c', early!)).toMatchObject({ kind: 'refused', reason: 'no_leader' });
  cores.elect('a');
  const [late] = cores.propose('c');
  expect(cores.outcome('c', late!)).toMatchObject({
    kind: 'refused',
    reason: 'not_leader',
    leader: 'a',
  });
});

test('a proposal whose place another leader’s entry took is superseded, as soon as that is certain and not before', () => {
  const cores = new Cores();
  cores.elect('a');
  const ids = cores.propose('a', 3);
  cores.messages = [];
  cores.advance(1_000, among('b', 'c'));
  cores.advance(200);
  expect(cores.status('a').role).toBe('follower');
  for (const id of ids) expect(cores.outcome('a', id)).toEqual({ kind: 'superseded', id });
});

test('a proposal of a deposed leader that another one commits is said to be committed', () => {
  const cores = new Cores();
  cores.elect('a');
  const [id] = cores.propose('a');
  cores.deliver(({ kind }) => kind === 'append_entries');
  cores.tell('b', { kind: 'suspect', peer: 'a', dead: true });
  cores.tell('c', { kind: 'suspect', peer: 'a', dead: true });
  cores.advance(200, among('b', 'c'));
  expect(['b', 'c'].some((peer) => cores.status(peer).role === 'leader')).toBe(true);
  cores.advance(300);
  expect(cores.outcome('a', id!)).toMatchObject({
    kind: 'committed',
    place: { term: 1, index: 2 },
  });
});

test('a follower answers a heartbeat with what its disk has, however slow the disk is', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.slow.add('b');
  cores.propose('a');
  cores.deliver();
  cores.advance(60);
  const { match } = cores.status('a').peers.find(({ id }) => id === 'b')!;
  expect(match).toBe(1);
  cores.advance(2_000);
  expect(cores.status('a').peers.find(({ id }) => id === 'b')).toMatchObject({
    recent_active: true,
  });
  cores.persist('b');
  cores.deliver();
  expect(cores.status('a').peers.find(({ id }) => id === 'b')?.match).toBe(2);
});

test('entries that left memory are asked of the disk, in pages that fit a message', () => {
  const asked: number[] = [];
  const cores = new Cores({
    bounds: { message_entries: 4 },
    restored: (id, all) => holding(id === 'c' ? [] : [1, 1, 1, 1, 1, 1, 1, 1], all, 1),
  });
  cores.elect('a');
  for (let page = 0; page < 4; page += 1) {
    cores.advance(50);
    for (const { peer, from } of cores.fetches.splice(0)) {
      asked.push(from);
      const rest = entries(
        Array.from({ length: 9 - from }, () => 1),
        from,
      );
      cores.tell('a', { kind: 'fetched', peer, from, entries: rest });
    }
  }
  cores.advance(50);
  expect(asked).toEqual([1, 5]);
  expect(cores.status('c')).toMatchObject({ last: { index: 9 }, commit: 9 });
});

test('what was fetched for another time is not sent: not the next ones, or of a log that was taken back', () => {
  const cores = new Cores({
    restored: (id, all) => holding(id === 'c' ? [] : [1, 1, 1, 1], all, 1),
  });
  cores.elect('a');
  cores.advance(60);
  cores.messages = [];
  const foreign = entries([1, 1, 1], 1).map((entry) => ({ ...entry, term: 9 }));
  cores.tell('a', { kind: 'fetched', peer: 'c', from: 1, entries: foreign });
  cores.tell('a', { kind: 'fetched', peer: 'c', from: 3, entries: entries([1], 3) });
  cores.tell('a', { kind: 'fetched', peer: 'z', from: 3, entries: entries([1], 3) });
  expect(cores.sent('append_entries').filter(({ entries: all }) => all.length > 0)).toEqual([]);
});
