import { expect, test } from 'vitest';
import { Cores, EMPTY, entries, holding, members, without } from './cores.ts';

test('I1: an append is acknowledged when the disk has it, in the order in which it was written', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.slow.add('b');
  cores.messages = [];
  for (let turn = 0; turn < 3; turn += 1) {
    cores.propose('a');
    cores.deliver(({ to }) => to === 'b');
  }
  const acks = (): number[] =>
    cores.sent('append_entries_response').flatMap((one) => (one.success ? [one.match] : []));
  expect(cores.writes.get('b')).toHaveLength(3);
  expect(acks()).toEqual([]);
  cores.persist('b', 1);
  expect(acks()).toEqual([2]);
  cores.persist('b');
  expect(acks()).toEqual([2, 3, 4]);
});

test('term and vote are in a write before, or with, the entries of that term', () => {
  const cores = new Cores();
  for (const id of ['a', 'b', 'c']) cores.slow.add(id);
  const written: { hard: number; entry: number }[] = [];
  for (let turn = 0; turn < 40; turn += 1) {
    for (const id of ['a', 'b', 'c']) {
      for (const { hard, entries: all } of cores.writes.get(id) ?? [])
        written.push({ hard: hard?.term ?? 0, entry: all.at(-1)?.term ?? 0 });
      cores.persist(id);
    }
    cores.deliver();
    cores.advance(20);
    if (cores.status('a').role === 'leader') cores.propose('a');
  }
  expect(cores.status('b').commit).toBeGreaterThan(1);
  for (const { hard, entry } of written) if (hard > 0) expect(entry).toBeLessThanOrEqual(hard);
});

test('nothing is written while nothing happens: heartbeats cost no write', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.propose('a');
  cores.deliver();
  for (const id of ['a', 'b', 'c']) cores.slow.add(id);
  cores.advance(5_000);
  for (const id of ['a', 'b', 'c']) expect(cores.writes.get(id)).toEqual([]);
});

test('the commit index that is written speaks only of what the disk has', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.slow.add('b');
  cores.propose('a');
  cores.deliver();
  cores.advance(60);
  expect(cores.status('b').commit).toBe(2);
  cores.tell('b', {
    kind: 'message',
    message: { kind: 'timeout_now', from: 'a', store: 'a1', to: 'b', term: 1 },
  });
  const [, hard] = cores.writes.get('b')!;
  expect(hard?.hard).toMatchObject({ term: 2, commit: 1 });
});

test('a commit index that was written ahead of a log that was lost neither blocks a start nor invents entries', () => {
  const restored = {
    ...holding([1, 1], members(['a']), 1),
    hard: { term: 1, vote: '', commit: 50 },
  };
  const cores = new Cores({ voters: ['a'], restored: () => restored });
  expect(cores.status('a').commit).toBe(2);
  cores.advance(400);
  expect(cores.status('a')).toMatchObject({ role: 'leader', commit: 3 });
});

test('a disk that holds less than was applied is no disk to begin with', () => {
  const restored = { ...EMPTY, applied: 7 };
  expect(() => new Cores({ voters: ['a'], restored: () => restored })).toThrow('applied');
});

test('I1: with a failed disk a follower promises nothing, votes for nobody and is silent for ever', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.slow.add('b');
  cores.propose('a');
  cores.deliver();
  cores.messages = [];
  cores.tell('b', { kind: 'persist_failed' });
  cores.writes.get('b')!.length = 0;
  cores.stop('a');
  cores.advance(3_000);
  expect(cores.messages.filter(({ from }) => from === 'b')).toEqual([]);
  expect(cores.status('b')).toMatchObject({ role: 'follower', disk: 'failed' });
  expect(cores.status('c').role).not.toBe('leader');
});

test('a leader whose disk failed accepts nothing, names its successor, and does not come back', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.tell('a', { kind: 'persist_failed' });
  const [id] = cores.propose('a');
  expect(cores.outcome('a', id!)).toMatchObject({ kind: 'refused', reason: 'disk_failed' });
  cores.deliver();
  expect(cores.status('b').role).toBe('leader');
  cores.advance(5_000);
  expect(cores.status('a').role).toBe('follower');
  expect(cores.status('b').role).toBe('leader');
});

test('a leader whose disk failed with proposals open sees them through or says that it cannot tell', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.slow.add('a');
  const ids = cores.propose('a', 2);
  cores.tell('a', { kind: 'persist_failed' });
  cores.deliver();
  cores.advance(1_000);
  for (const id of ids) expect(cores.outcome('a', id)?.kind).toMatch(/committed|unknown/);
});

test('a leader whose disk hangs hands over, though its heartbeats flow', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.slow.add('a');
  cores.propose('a');
  cores.advance(499);
  expect(cores.status('a').role).toBe('leader');
  cores.advance(200);
  expect(cores.status('a').disk).toBe('stalled');
  expect(['b', 'c'].some((id) => cores.status(id).role === 'leader')).toBe(true);
  const [id] = cores.propose('a');
  expect(cores.outcome('a', id!)?.kind).toBe('refused');
});

test('a hung disk alone with nobody to hand over to refuses, and accepts again when the disk answers', () => {
  const cores = new Cores({ voters: ['a'] });
  cores.elect('a');
  cores.slow.add('a');
  cores.propose('a');
  cores.advance(600);
  const [refused] = cores.propose('a');
  expect(cores.outcome('a', refused!)).toMatchObject({ reason: 'disk_failed' });
  cores.persist('a');
  const [taken] = cores.propose('a');
  cores.persist('a');
  expect(cores.outcome('a', taken!)?.kind).toBe('committed');
});

test('who cannot write does not ask for votes: its own would never count', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.slow.add('b');
  cores.propose('a');
  cores.deliver();
  cores.advance(600);
  cores.stop('a');
  cores.stop('c');
  cores.messages = [];
  cores.advance(3_000);
  expect(cores.sent('request_vote')).toEqual([]);
  expect(cores.status('b')).toMatchObject({ role: 'follower', term: 1 });
});

test('an entry that came, was replaced and came again counts when the disk has the last one', () => {
  const cores = new Cores();
  cores.slow.add('a');
  const from = {
    from: 'b',
    store: 'b1',
    to: 'a',
    commit: 0,
    round: 0,
    quiesce: false,
    eased: false,
  };
  const send = (term: number, terms: readonly number[], previous = { term: 0, index: 0 }): void =>
    cores.tell('a', {
      kind: 'message',
      message: {
        ...from,
        kind: 'append_entries',
        term,
        previous,
        entries: entries(terms, previous.index + 1),
      },
    });
  send(1, [1, 1, 1]);
  send(2, [2, 2], { term: 1, index: 1 });
  send(3, [3, 3], { term: 1, index: 1 });
  cores.persist('a', 1);
  expect(cores.status('a').persisted).toBe(1);
  cores.persist('a', 1);
  expect(cores.status('a').persisted).toBe(1);
  cores.persist('a');
  expect(cores.status('a')).toMatchObject({ persisted: 3, last: { term: 3, index: 3 } });
});

test('after a restart of everybody terms go on, and nothing committed is lost', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.propose('a', 5);
  cores.deliver();
  const configuration = members(['a', 'b', 'c']);
  const terms = [1, 1, 1, 1, 1, 1];
  for (const id of ['a', 'b', 'c'])
    cores.start(id, `${id}1`, {
      restored: { ...holding(terms, configuration, 1), hard: { term: 1, vote: 'a@a1', commit: 6 } },
      random: () => (id === 'c' ? 0 : 0.9),
    });
  cores.messages = [];
  cores.advance(400, without('read_index'));
  expect(cores.status('c')).toMatchObject({ role: 'leader', term: 2, commit: 7 });
});

test('what a disk that failed was never given is sent to nobody: it is no entry', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.advance(60);
  cores.messages = [];
  const frame = new Uint8Array(10);
  cores.step('a', { kind: 'propose', proposals: [{ id: 900, frame }] });
  cores.step('a', { kind: 'persist_failed' });
  const { send, writes } = cores.take('a');
  expect(writes).toEqual([]);
  expect(send.flatMap((message) => ('entries' in message ? message.entries : []))).toEqual([]);
  expect(cores.status('a').last.index).toBe(2);
  // Who has all the rest takes over.
  cores.deliver();
  expect(cores.status('b').role).toBe('leader');
});
