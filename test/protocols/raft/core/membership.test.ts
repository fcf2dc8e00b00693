import { expect, test } from 'vitest';
import type { Member } from '../../../../src/protocols/raft/core/configuration.ts';
import { among, Cores, holding, member, members } from './cores.ts';

function change(
  cores: Cores,
  id: string,
  wanted: { readonly voters: readonly Member[]; readonly learners: readonly Member[] },
): number {
  const asked = cores.nextId();
  cores.tell(id, { kind: 'change', id: asked, wanted });
  return asked;
}

/** a, b, c vote; d learns. */
function grown(): Cores {
  const cores = new Cores({ strangers: ['d'] });
  cores.elect('a');
  change(cores, 'a', members(['a', 'b', 'c'], ['d']));
  cores.advance(200);
  return cores;
}

function ids(cores: Cores, at: string): Record<string, string[]> {
  const { voters, outgoing, learners } = cores.status(at).configuration;
  const names = (some: readonly Member[]): string[] => some.map(({ id }) => id);
  return { voters: names(voters), outgoing: names(outgoing), learners: names(learners) };
}

test('a learner is added at once, brought up to date, and promoted through a joint configuration that is left once', () => {
  const cores = grown();
  expect(cores.status('d')).toMatchObject({ last: { index: 2 }, commit: 2 });
  const asked = change(cores, 'a', members(['a', 'b', 'c', 'd']));
  expect(ids(cores, 'a')['outgoing']).toEqual([]);
  cores.deliver(among('a', 'd'));
  expect(ids(cores, 'a')['outgoing']).toEqual(['a', 'b', 'c']);
  cores.advance(200);
  expect(cores.outcome('a', asked)).toMatchObject({ kind: 'committed', place: { index: 3 } });
  for (const id of ['a', 'b', 'c', 'd']) {
    expect(ids(cores, id)).toEqual({ voters: ['a', 'b', 'c', 'd'], outgoing: [], learners: [] });
    expect(cores.status(id).last.index).toBe(4);
  }
});

test('who is no caught-up learner, with that very store, does not become a voter', () => {
  const cores = new Cores({ strangers: ['d'] });
  cores.elect('a');
  const stranger = change(cores, 'a', members(['a', 'b', 'c', 'd']));
  expect(cores.outcome('a', stranger)).toMatchObject({ reason: 'not_caught_up' });
  change(cores, 'a', members(['a', 'b', 'c'], ['d']));
  cores.deliver(among('a', 'b', 'c'));
  const early = change(cores, 'a', members(['a', 'b', 'c', 'd']));
  expect(cores.outcome('a', early)).toMatchObject({ reason: 'not_caught_up' });
  cores.advance(200);
  const voters = [...members(['a', 'b', 'c']).voters, member('d', 'd2')];
  const other = change(cores, 'a', { voters, learners: [] });
  expect(cores.outcome('a', other)).toMatchObject({ reason: 'not_caught_up' });
});

test('a learner whose answer is still awaited does not vote, and what changed meanwhile counts', () => {
  const cores = grown();
  const promoted = change(cores, 'a', members(['a', 'b', 'c', 'd']));
  const second = change(cores, 'a', members(['a', 'b', 'c']));
  expect(cores.outcome('a', second)).toMatchObject({ reason: 'change_pending' });
  cores.tell('a', { kind: 'transfer', id: cores.nextId(), to: 'b' });
  cores.deliver(among('a', 'd'));
  expect(cores.outcome('a', promoted)).toMatchObject({ reason: 'transferring' });
  expect(ids(cores, 'a')).toEqual({ voters: ['a', 'b', 'c'], outgoing: [], learners: ['d'] });
});

test('a leader that leaves office while it waits for a new voter has appended nothing', () => {
  const cores = grown();
  const promoted = change(cores, 'a', members(['a', 'b', 'c', 'd']));
  cores.advance(5_000, among('b', 'c'));
  cores.advance(200);
  expect(cores.outcome('a', promoted)).toMatchObject({ kind: 'refused' });
  expect(ids(cores, 'b')).toEqual({ voters: ['a', 'b', 'c'], outgoing: [], learners: ['d'] });
});

test('members that cannot be are refused, and so is a change while another is under way', () => {
  const cores = grown();
  const nobody = change(cores, 'a', { voters: [], learners: [] });
  expect(cores.outcome('a', nobody)).toMatchObject({ reason: 'invalid_members' });
  const twice = change(cores, 'a', members(['a', 'a']));
  expect(cores.outcome('a', twice)).toMatchObject({ reason: 'invalid_members' });
  change(cores, 'a', members(['a', 'b', 'd']));
  const second = change(cores, 'a', members(['a', 'b', 'c']));
  expect(cores.outcome('a', second)).toMatchObject({ reason: 'change_pending' });
  cores.deliver();
  expect(cores.outcome('a', change(cores, 'a', members(['a', 'b', 'd'])))).toBeUndefined();
});

test('before it has committed in its term, a leader changes no members', () => {
  const cores = new Cores();
  cores.now = 300;
  cores.tell('a', { kind: 'wake' });
  cores.deliver(({ kind }) => kind.startsWith('request_vote'));
  const early = change(cores, 'a', members(['a', 'b']));
  expect(cores.outcome('a', early)).toMatchObject({ reason: 'change_pending' });
});

test('while members change, both majorities decide', () => {
  const cores = new Cores({ learners: ['d', 'e'] });
  cores.elect('a');
  change(cores, 'a', members(['a', 'd', 'e'], ['b', 'c']));
  cores.deliver(among('a', 'd', 'e'));
  expect(cores.status('a').commit).toBe(1);
  expect(ids(cores, 'a')['outgoing']).toEqual(['a', 'b', 'c']);
  cores.advance(100);
  expect(ids(cores, 'a')['outgoing']).toEqual([]);
});

test('members that were appended and not committed are gone with their entry', () => {
  const cores = new Cores({ learners: ['d'] });
  cores.elect('a');
  change(cores, 'a', members(['a', 'b', 'd']));
  cores.deliver(among('a', 'd'));
  expect(ids(cores, 'a')['outgoing']).toEqual(['a', 'b', 'c']);
  cores.messages = [];
  cores.advance(1_000, among('b', 'c', 'd'));
  cores.advance(200);
  expect(ids(cores, 'a')).toEqual({ voters: ['a', 'b', 'c'], outgoing: [], learners: ['d'] });
});

test('a joint configuration is left by the next leader, once, when the first one is gone', () => {
  const cores = new Cores({ learners: ['d'] });
  cores.elect('a');
  change(cores, 'a', members(['a', 'b', 'd'], ['c']));
  cores.deliver(({ from }) => from === 'a' || from === 'd');
  expect(ids(cores, 'a')['outgoing']).toEqual(['a', 'b', 'c']);
  cores.stop('a');
  cores.messages = [];
  cores.advance(2_000);
  const leader = ['b', 'c', 'd'].find((id) => cores.status(id).role === 'leader')!;
  expect(ids(cores, leader)).toEqual({ voters: ['a', 'b', 'd'], outgoing: [], learners: ['c'] });
});

test('a leader that is removed does not count itself, names a successor and leaves; what waits is unknown or committed', () => {
  const cores = new Cores();
  cores.elect('a');
  const asked = change(cores, 'a', members(['b', 'c']));
  cores.advance(400);
  expect(cores.outcome('a', asked)?.kind).toBe('committed');
  expect(cores.status('a').role).toBe('follower');
  expect(['b', 'c'].filter((id) => cores.status(id).role === 'leader')).toHaveLength(1);
  cores.advance(3_000);
  expect(cores.status('a').role).toBe('follower');
  expect(ids(cores, 'b')).toEqual({ voters: ['b', 'c'], outgoing: [], learners: [] });
});

test('fewer voters may mean that more is committed', () => {
  const cores = new Cores({ voters: ['a', 'b'] });
  cores.elect('a');
  change(cores, 'a', members(['a']));
  cores.deliver();
  cores.stop('b');
  const [id] = cores.propose('a');
  expect(cores.outcome('a', id!)?.kind).toBe('committed');
});

test('who is removed and told to campaign does not, and who was removed and does not know finds out', () => {
  const cores = new Cores();
  cores.elect('a');
  change(cores, 'a', members(['a', 'b']));
  cores.deliver(among('a', 'b'));
  expect(ids(cores, 'a')['voters']).toEqual(['a', 'b']);
  cores.advance(2_000, ({ from, to, kind }) => kind.startsWith('request') || from + to !== 'ac');
  expect(cores.status('c').role).toBe('follower');
  expect(cores.effects.get('c')?.next_wake).toBeUndefined();
  expect(cores.status('a')).toMatchObject({ role: 'leader', term: 1 });
});

test('who is being removed may have the newest log, and asks for votes until its removal is committed', () => {
  const joint = { ...members(['b']), outgoing: members(['a', 'b']).voters };
  const known = holding([1, 1], joint, 1);
  const changes = [{ index: 0, configuration: members(['a', 'b']) }];
  const cores = new Cores({
    voters: ['a', 'b'],
    restored: (id) =>
      id === 'b'
        ? { ...known, configurations: [...changes, { index: 2, configuration: joint }] }
        : {
            ...holding([1, 1, 1], joint, 1),
            hard: { term: 1, vote: '', commit: 2 },
            configurations: [
              ...changes,
              { index: 2, configuration: joint },
              { index: 3, configuration: members(['b']) },
            ],
          },
  });
  cores.tell('a', { kind: 'wake' });
  for (let round = 0; round < 40; round += 1) {
    cores.advance(50);
    for (const { peer, from } of cores.fetches.splice(0)) {
      const page = [2, 3].map((index) => ({ term: 1, index, frame: new Uint8Array(5) }));
      const frames = page.map((entry) =>
        entry.index === 3 ? { ...entry, configuration: members(['b']) } : entry,
      );
      cores.tell('a', {
        kind: 'fetched',
        peer,
        from,
        entries: frames.filter(({ index }) => index >= from),
      });
      cores.deliver();
    }
  }
  expect(cores.status('b')).toMatchObject({ role: 'leader' });
  expect(ids(cores, 'b')).toEqual({ voters: ['b'], outgoing: [], learners: [] });
});

test('a learner that believes it is one votes when a newer configuration asks it to', () => {
  const cores = new Cores({ learners: ['d'] });
  cores.elect('a');
  cores.advance(100);
  cores.tell('d', {
    kind: 'message',
    message: {
      kind: 'request_vote',
      from: 'b',
      store: 'b1',
      to: 'd',
      term: 7,
      question: 0,
      pre: false,
      transfer: true,
      last: { term: 6, index: 40 },
    },
  });
  expect(cores.sent('request_vote_response').at(-1)).toMatchObject({ granted: true });
});

test('only a leader changes members, and not while it hands over', () => {
  const cores = new Cores();
  cores.elect('b');
  const elsewhere = change(cores, 'a', members(['a', 'b']));
  expect(cores.outcome('a', elsewhere)).toMatchObject({ reason: 'not_leader', leader: 'b' });
  cores.propose('b');
  cores.tell('b', { kind: 'transfer', id: cores.nextId(), to: 'a' });
  const handing = change(cores, 'b', members(['a', 'b']));
  expect(cores.outcome('b', handing)).toMatchObject({ reason: 'transferring' });
});
