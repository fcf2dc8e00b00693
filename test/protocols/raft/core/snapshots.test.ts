import { expect, test } from 'vitest';
import { RaftBug } from '../../../../src/protocols/raft/core/bug.ts';
import type { SnapshotPlace } from '../../../../src/protocols/raft/core/messages.ts';
import { among, Cores, members, without } from './cores.ts';

const PEOPLE = members(['a', 'b', 'c']);

/** Everybody applies what is committed. */
function applied(cores: Cores): void {
  for (const id of cores.ids)
    cores.tell(id, { kind: 'applied', index: cores.effects.get(id)!.commit });
}

function install(cores: Cores, to: string, snapshot: SnapshotPlace, term = 1): void {
  const message = { from: 'a', store: 'a1', to, term, snapshot } as const;
  cores.tell(to, { kind: 'message', message: { ...message, kind: 'install_snapshot' } });
}

/** c has the first entry only; a's log begins after the sixth. */
function behind(): Cores {
  const cores = new Cores();
  cores.elect('a');
  cores.propose('a', 9);
  cores.deliver(({ from, to }) => from !== 'c' && to !== 'c');
  applied(cores);
  cores.tell('a', { kind: 'compacted', floor: { term: 1, index: 6 } });
  return cores;
}

function peer(cores: Cores, id: string) {
  return cores.status('a').peers.find((one) => one.id === id)!;
}

test('a follower whose next entries are compacted is sent a snapshot, then what follows it', () => {
  const cores = behind();
  cores.tell('a', { kind: 'unreachable', peer: 'c' });
  expect(cores.effects.get('a')?.need_snapshot).toEqual([{ peer: 'c', at_least: 6 }]);
  expect(peer(cores, 'c').state).toBe('snapshot');
  cores.messages = [];
  cores.advance(100);
  const toC = cores.sent('append_entries');
  expect(toC).toEqual([]);
  install(cores, 'c', { term: 1, index: 8, configuration: PEOPLE });
  cores.deliver();
  expect(peer(cores, 'c')).toMatchObject({ state: 'replicate', match: 10 });
  expect(cores.status('c')).toMatchObject({ commit: 10, floor: { term: 1, index: 8 } });
});

test('while a snapshot is on its way its receiver hears heartbeats and is not asked for more', () => {
  const cores = behind();
  cores.tell('a', { kind: 'unreachable', peer: 'c' });
  cores.snapshotsNeeded.length = 0;
  cores.advance(500);
  expect(cores.snapshotsNeeded).toEqual([]);
  expect(cores.status('c')).toMatchObject({ role: 'follower', leader: 'a', commit: 1 });
});

test('a snapshot that failed is asked for again with the next heartbeat', () => {
  const cores = behind();
  cores.tell('a', { kind: 'unreachable', peer: 'c' });
  cores.tell('a', { kind: 'snapshot_sent', peer: 'c', index: 8, ok: false });
  expect(cores.effects.get('a')?.need_snapshot).toEqual([]);
  cores.snapshotsNeeded.length = 0;
  cores.advance(50);
  expect(cores.snapshotsNeeded).toEqual([{ peer: 'c', at_least: 6 }]);
});

test('a snapshot behind what is committed changes nothing, and is answered with what is committed', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.propose('a', 5);
  cores.deliver();
  install(cores, 'b', { term: 1, index: 3, configuration: PEOPLE });
  expect(cores.sent('append_entries_response').at(-1)).toMatchObject({ success: true, match: 6 });
  expect(cores.status('b')).toMatchObject({ last: { index: 6 }, floor: { index: 0 } });
});

test('a snapshot that the log contains keeps the log, and says what is committed', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.propose('a', 5);
  cores.deliver(({ to, kind }) => to === 'b' && kind === 'append_entries');
  expect(cores.status('b')).toMatchObject({ commit: 1, last: { index: 6 } });
  install(cores, 'b', { term: 1, index: 4, configuration: PEOPLE });
  expect(cores.status('b')).toMatchObject({ commit: 4, last: { index: 6 }, floor: { index: 0 } });
});

test('I1: a snapshot is acknowledged, and counted as committed, when the disk has it', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.slow.add('b');
  cores.messages = [];
  install(cores, 'b', { term: 1, index: 40, configuration: members(['a', 'b']) });
  expect(cores.sent('append_entries_response')).toEqual([]);
  expect(cores.take('b').commit).toBeLessThan(40);
  const [write] = cores.writes.get('b')!;
  expect(write).toMatchObject({ snapshot: { term: 1, index: 40 }, truncate_from: undefined });
  cores.persist('b');
  expect(cores.sent('append_entries_response')).toMatchObject([{ match: 40 }]);
  expect(cores.take('b').commit).toBe(40);
  expect(cores.status('b').configuration).toEqual(members(['a', 'b']));
});

test('proposals whose places a snapshot took are said to be unknown', () => {
  const cores = new Cores();
  cores.elect('b');
  const ids = cores.propose('b', 2);
  cores.messages = [];
  install(cores, 'b', { term: 4, index: 40, configuration: PEOPLE }, 4);
  for (const id of ids) expect(cores.outcome('b', id)?.kind).toBe('unknown');
});

test('a follower that was throttled while the log was compacted gets a snapshot, not a match of nothing', () => {
  const cores = new Cores({ bounds: { in_flight_messages: 1 } });
  cores.elect('a');
  cores.propose('a', 3);
  cores.propose('a', 3);
  cores.deliver(({ from, to }) => from !== 'c' && to !== 'c');
  applied(cores);
  cores.tell('a', { kind: 'compacted', floor: { term: 1, index: 7 } });
  cores.advance(200, without('install_snapshot'));
  expect(peer(cores, 'c')).toMatchObject({ state: 'snapshot', match: 1 });
  expect(cores.status('c').commit).toBe(1);
});

test('who catches up by itself needs no snapshot any more', () => {
  const cores = behind();
  cores.tell('a', { kind: 'unreachable', peer: 'c' });
  cores.tell('a', {
    kind: 'message',
    message: {
      kind: 'append_entries_response',
      from: 'c',
      store: 'c1',
      to: 'a',
      term: 1,
      round: 0,
      success: true,
      match: 7,
    },
  });
  expect(peer(cores, 'c')).toMatchObject({ state: 'replicate', match: 7 });
  cores.tell('a', { kind: 'snapshot_sent', peer: 'c', index: 8, ok: true });
  expect(peer(cores, 'c').state).toBe('replicate');
});

test('what every follower in step has leaves memory when it is applied, and nothing else does', () => {
  const cores = new Cores({ voters: ['a', 'b', 'c'] });
  cores.elect('a');
  cores.propose('a', 100);
  expect(cores.entry('a', 101)).toBeDefined();
  cores.deliver();
  cores.propose('a', 1);
  applied(cores);
  expect([101, 102].map((index) => cores.entry('a', index) !== undefined)).toEqual([false, true]);
});

test('what one lacks that was just heard stays, though it is not in step; who was silent for long gets nothing kept', () => {
  const cores = new Cores({ voters: ['a', 'b', 'c'] });
  cores.elect('a');
  cores.tell('a', { kind: 'unreachable', peer: 'c' });
  cores.propose('a', 1);
  cores.deliver(among('a', 'b'));
  applied(cores);
  expect(peer(cores, 'c').state).toBe('probe');
  expect(cores.entry('a', 2)).toBeDefined();
  cores.advance(400, among('a', 'b'));
  cores.propose('a', 1);
  cores.deliver(among('a', 'b'));
  applied(cores);
  expect(cores.entry('a', 2)).toBeUndefined();
});

test('who follows keeps a sixteenth of the cache, for others who lack it should it lead', () => {
  const cores = new Cores({ voters: ['a', 'b'], bounds: { cache_bytes: 16 * 50 } });
  cores.elect('a');
  cores.propose('a', 100);
  cores.deliver();
  cores.advance(60);
  applied(cores);
  const inMemory = Array.from({ length: 101 }, (_, at) => cores.entry('b', at + 1)).filter(Boolean);
  expect(inMemory).toHaveLength(5);
  cores.propose('a', 1);
  cores.deliver();
  expect(cores.entry('b', 102)).toBeDefined();
});

test('what a follower lacks stays in memory while it weighs no more than the cache', () => {
  const cores = new Cores({ voters: ['a', 'b', 'c'], bounds: { cache_bytes: 50 } });
  cores.elect('a');
  cores.propose('a', 4);
  cores.deliver(among('a', 'b'));
  applied(cores);
  expect(cores.entry('a', 2)).toBeDefined();
  cores.propose('a', 10);
  cores.deliver(among('a', 'b'));
  applied(cores);
  expect([2, 11].map((index) => cores.entry('a', index) !== undefined)).toEqual([false, true]);
  // What has left memory is asked of the disk.
  cores.advance(60);
  expect(cores.fetches).toMatchObject([{ peer: 'c', from: 2 }]);
});

test('what is not committed cannot be applied, and what is not applied cannot be compacted', () => {
  const cores = new Cores({ voters: ['a'] });
  cores.elect('a');
  expect(() => cores.step('a', { kind: 'applied', index: 9 })).toThrow(RaftBug);
  expect(() => cores.step('a', { kind: 'compacted', floor: { term: 1, index: 1 } })).toThrow(
    RaftBug,
  );
});
