import { expect, test } from 'vitest';
import { Cores } from './cores.ts';

function idle(): Cores {
  const cores = new Cores({ timing: { quiesce_after: 3 }, learners: ['d'] });
  cores.elect('a');
  cores.propose('a', 2);
  cores.advance(1_000);
  return cores;
}

test('an idle group stops its clocks: nobody waits for anything, and nothing is sent', () => {
  const cores = idle();
  for (const id of cores.ids) {
    expect(cores.status(id).quiesced).toBe(true);
    expect(cores.effects.get(id)?.next_wake).toBeUndefined();
  }
  cores.advance(100_000);
  expect(cores.messages).toEqual([]);
  expect(cores.status('a')).toMatchObject({ role: 'leader', term: 1 });
});

test('a proposal, a read, a change and a follower’s question wake it', () => {
  for (const wake of [
    (cores: Cores) => cores.propose('a')[0]!,
    (cores: Cores) => asked(cores, 'a'),
    (cores: Cores) => asked(cores, 'b'),
  ]) {
    const cores = idle();
    cores.advance(10_000);
    const id = wake(cores);
    cores.advance(200);
    const settled = cores.outcome('a', id) ?? cores.outcome('b', id);
    expect(settled?.kind).toMatch(/committed|readable/);
    expect(cores.status('a')).toMatchObject({ role: 'leader', term: 1 });
  }
});

function asked(cores: Cores, at: string): number {
  const id = cores.nextId();
  cores.tell(at, { kind: 'read', id });
  return id;
}

test('who lags keeps the group awake', () => {
  const cores = new Cores({ timing: { quiesce_after: 3 } });
  cores.elect('a');
  cores.propose('a');
  cores.advance(2_000, ({ from, to }) => from !== 'c' && to !== 'c');
  expect(cores.status('a').quiesced).toBe(false);
});

test('who did not hear that the group rests asks, wakes the others, and deposes nobody', () => {
  const cores = new Cores({ timing: { quiesce_after: 3 } });
  cores.elect('a');
  cores.advance(
    2_000,
    (message) => !('quiesce' in message && message.quiesce && message.to === 'c'),
  );
  expect(cores.status('a')).toMatchObject({ role: 'leader', term: 1 });
  cores.advance(2_000);
  for (const id of cores.ids) expect(cores.status(id)).toMatchObject({ quiesced: true, term: 1 });
});

test('a follower that is woken wakes its leader: somebody who comes back cannot win meanwhile', () => {
  const cores = idle();
  cores.tell('b', {
    kind: 'message',
    message: {
      kind: 'request_vote',
      from: 'c',
      store: 'c1',
      to: 'b',
      term: 1,
      question: 0,
      pre: true,
      transfer: false,
      last: { term: 1, index: 3 },
    },
  });
  cores.advance(60);
  expect(cores.status('a')).toMatchObject({ quiesced: false, role: 'leader', term: 1 });
  cores.advance(2_000);
  for (const id of cores.ids) expect(cores.status(id)).toMatchObject({ quiesced: true, term: 1 });
});

test('the death of the leader of a resting group is a reason to wake', () => {
  const cores = idle();
  cores.stop('a');
  for (const id of ['b', 'c']) cores.tell(id, { kind: 'suspect', peer: 'a', dead: true });
  cores.advance(100);
  expect(['b', 'c'].some((id) => cores.status(id).role === 'leader')).toBe(true);
});

test('a group that is told never to rest does not', () => {
  const cores = new Cores();
  cores.elect('a');
  cores.advance(20_000);
  for (const id of cores.ids) expect(cores.status(id).quiesced).toBe(false);
});

/** Nothing has happened for longer than it takes; the leader has not stopped its clock. */
function eased(): Cores {
  const cores = new Cores({ timing: { ease_after: 3 } });
  cores.elect('a');
  cores.propose('a', 2);
  cores.advance(1_000);
  return cores;
}

/** @returns how many heartbeats `b` was sent meanwhile */
function beatsIn(cores: Cores, milliseconds: number): number {
  let beats = 0;
  cores.advance(milliseconds, (message) => {
    if (message.kind === 'append_entries' && message.to === 'b') beats += 1;
    return true;
  });
  return beats;
}

test('where nothing happens, every second heartbeat is left out, and nobody is missed', () => {
  const usual = new Cores();
  usual.elect('a');
  usual.advance(1_000);
  expect(beatsIn(usual, 2_000)).toBe(40);
  const cores = eased();
  expect(beatsIn(cores, 2_000)).toBe(20);
  cores.advance(60_000);
  expect(cores.status('a')).toMatchObject({ role: 'leader', term: 1 });
});

test('a proposal and a read bring back the usual pace, at once', () => {
  for (const happen of [
    (cores: Cores) => cores.propose('a')[0]!,
    (cores: Cores) => asked(cores, 'a'),
    (cores: Cores) => asked(cores, 'b'),
  ]) {
    const cores = eased();
    // Just behind a heartbeat that said that the next is left out.
    cores.advance(10);
    happen(cores);
    // What it says at once, and the heartbeats at 50, 100, 150 and 200.
    expect(beatsIn(cores, 195)).toBeGreaterThanOrEqual(4);
    cores.advance(1_000);
    expect(beatsIn(cores, 2_000)).toBe(20);
  }
});

test('a leader that falls silent while nothing happens is missed after twice the time, and no later', () => {
  const cores = eased();
  cores.freeze('a');
  const leads = (): boolean => ['b', 'c'].some((id) => cores.status(id).role === 'leader');
  cores.advance(290);
  expect(leads()).toBe(false);
  cores.advance(400);
  expect(leads()).toBe(true);
});

test('a leader that falls silent behind a word of what happened is missed as soon as ever', () => {
  const cores = eased();
  cores.propose('a');
  cores.advance(20);
  cores.freeze('a');
  cores.advance(350);
  expect(['b', 'c'].some((id) => cores.status(id).role === 'leader')).toBe(true);
});
