import { expect, test } from 'vitest';
import { Cores, without } from './cores.ts';

function transfer(cores: Cores, to?: string): number {
  const id = cores.nextId();
  cores.tell('a', { kind: 'transfer', id, to });
  return id;
}

test('leadership goes to who was named, without waiting for a timeout', () => {
  const cores = new Cores();
  cores.elect('a');
  const id = transfer(cores, 'c');
  cores.deliver();
  expect(cores.status('c')).toMatchObject({ role: 'leader', term: 2 });
  expect(cores.outcome('a', id)).toEqual({ kind: 'transferred', id });
});

test('without a name it goes to the voter that has most', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.propose('a', 5);
  cores.deliver(({ from, to }) => from !== 'b' && to !== 'b');
  transfer(cores);
  cores.deliver();
  expect(cores.status('c').role).toBe('leader');
});

test('the target is told when its disk has the last entry, and nothing new is accepted meanwhile', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.slow.add('b');
  cores.propose('a');
  cores.deliver();
  transfer(cores, 'b');
  expect(cores.sent('timeout_now')).toEqual([]);
  const [refused] = cores.propose('a');
  expect(cores.outcome('a', refused!)).toMatchObject({ reason: 'transferring' });
  cores.persist('b');
  cores.deliver(without('timeout_now'));
  expect(cores.status('a').transfer).toBe('b');
  cores.slow.delete('b');
  cores.advance(60);
  expect(cores.status('b').role).toBe('leader');
});

test('a transfer to somebody who cannot be reached is given up after an election timeout, and the leader goes on', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.propose('a');
  cores.deliver(({ to }) => to !== 'b');
  const id = transfer(cores, 'b');
  cores.advance(310, ({ from, to }) => from !== 'b' && to !== 'b');
  expect(cores.outcome('a', id)).toMatchObject({ kind: 'refused', reason: 'not_caught_up' });
  const [taken] = cores.propose('a');
  cores.deliver();
  expect(cores.outcome('a', taken!)?.kind).toBe('committed');
});

test('leadership is not handed to a learner, a stranger, or while it is being handed over', () => {
  const cores = new Cores({ learners: ['d'] });
  cores.elect('a');
  for (const to of ['d', 'z'])
    expect(cores.outcome('a', transfer(cores, to))).toMatchObject({ reason: 'unknown_member' });
  cores.propose('a');
  transfer(cores, 'b');
  expect(cores.outcome('a', transfer(cores, 'c'))).toMatchObject({ reason: 'transferring' });
});

test('a transfer to oneself is over at once', () => {
  const cores = new Cores();
  cores.elect('a');
  expect(cores.outcome('a', transfer(cores, 'a'))?.kind).toBe('transferred');
  const [taken] = cores.propose('a');
  cores.deliver();
  expect(cores.outcome('a', taken!)?.kind).toBe('committed');
});

test('who is suspected, or was not heard for an election timeout, is not chosen', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.tell('a', { kind: 'suspect', peer: 'b', dead: true });
  transfer(cores);
  cores.deliver(({ from }) => from !== 'b');
  expect(cores.status('a').transfer ?? cores.status('c').role).toMatch(/c|leader/);
});

test('only a leader hands leadership over', () => {
  const cores = new Cores();
  cores.elect('b');
  expect(cores.outcome('a', transfer(cores, 'c'))).toMatchObject({
    reason: 'not_leader',
    leader: 'b',
  });
});

test('a learner, and a core that is no member any more, do not campaign when they are told to', () => {
  const cores = new Cores({ learners: ['d'] });
  cores.elect('a');
  cores.tell('d', {
    kind: 'message',
    message: { kind: 'timeout_now', from: 'a', store: 'a1', to: 'd', term: 1 },
  });
  expect(cores.status('d')).toMatchObject({ role: 'follower', term: 1 });
});
