/** Every role meets every message, of its own term and of a newer one: the table has no holes. */
import { expect, test } from 'vitest';
import type { Role } from '../../../../src/protocols/raft/core/input.ts';
import type { Message } from '../../../../src/protocols/raft/core/messages.ts';
import { Cores, members } from './cores.ts';

type Kind = Message['kind'];

/** The role, term (how much newer) and, if it answers at all, the answer. */
interface Expected {
  readonly becomes: Role;
  readonly raised: number;
  readonly answers?: Partial<Message>;
}

const FROM = { from: 'b', store: 'b1', to: 'a' };
/** What a has after it led term 1 for a moment: the first entry. */
const LAST = { term: 1, index: 1 };

/** Gets core a of three into a role, in term 1 or, as candidate, 2; its log has one entry of term 1. */
const INTO: Record<Role, () => Cores> = {
  follower: () => {
    const cores = new Cores();
    cores.elect('b');
    return cores;
  },
  pre_candidate: () => {
    const cores = INTO.follower();
    cores.now += 300;
    cores.tell('a', { kind: 'wake' });
    return cores;
  },
  candidate: () => {
    const cores = INTO.follower();
    cores.tell('a', { kind: 'message', message: { ...FROM, kind: 'timeout_now', term: 1 } });
    return cores;
  },
  leader: () => {
    const cores = new Cores();
    cores.elect('a');
    return cores;
  },
};

const TERM: Record<Role, number> = { follower: 1, pre_candidate: 1, candidate: 2, leader: 1 };

const MESSAGE: Record<Kind, (term: number) => Message> = {
  request_vote: (term) => ({
    ...FROM,
    kind: 'request_vote',
    from: 'c',
    store: 'c1',
    term,
    question: 0,
    pre: false,
    transfer: true,
    last: LAST,
  }),
  request_vote_response: (term) => ({
    ...FROM,
    kind: 'request_vote_response',
    asker: 'a1',
    term,
    question: 0,
    pre: false,
    granted: true,
    stale_member: false,
  }),
  append_entries: (term) => ({
    ...FROM,
    kind: 'append_entries',
    term,
    previous: LAST,
    entries: [],
    commit: 1,
    round: 7,
    quiesce: false,
    eased: false,
  }),
  append_entries_response: (term) => ({
    ...FROM,
    kind: 'append_entries_response',
    term,
    round: 0,
    success: true,
    match: 1,
  }),
  install_snapshot: (term) => ({
    ...FROM,
    kind: 'install_snapshot',
    term,
    snapshot: { ...LAST, configuration: members(['a', 'b', 'c']) },
  }),
  timeout_now: (term) => ({ ...FROM, kind: 'timeout_now', term }),
  read_index: (term) => ({ ...FROM, kind: 'read_index', term, round: 9 }),
  read_index_response: (term) => ({
    ...FROM,
    kind: 'read_index_response',
    term,
    round: 9,
    index: 1,
  }),
};

const granted = { kind: 'request_vote_response', granted: true } as const;
const refused = { kind: 'request_vote_response', granted: false } as const;
const matched = { kind: 'append_entries_response', success: true, match: 1, round: 7 } as const;
const taken = { kind: 'append_entries_response', success: true, match: 1, round: 0 } as const;
const nowhere = { kind: 'read_index_response', round: 9, index: undefined } as const;

const stays = (becomes: Role, answers?: Partial<Message>): Expected =>
  answers === undefined ? { becomes, raised: 0 } : { becomes, raised: 0, answers };
const follows = (answers?: Partial<Message>): Expected => stays('follower', answers);
const yields = (answers?: Partial<Message>): Expected => ({ ...follows(answers), raised: 1 });

/** Of the same term. A leader's own messages cannot reach a leader of the same term: that would be a bug. */
const SAME_TERM: Record<Role, Record<Kind, Expected>> = {
  follower: {
    request_vote: follows(refused),
    request_vote_response: follows(),
    append_entries: follows(matched),
    append_entries_response: follows(),
    install_snapshot: follows(taken),
    timeout_now: { becomes: 'candidate', raised: 1, answers: { kind: 'request_vote' } },
    read_index: follows(nowhere),
    read_index_response: follows(),
  },
  pre_candidate: {
    request_vote: stays('pre_candidate', refused),
    request_vote_response: stays('pre_candidate'),
    append_entries: follows(matched),
    append_entries_response: stays('pre_candidate'),
    install_snapshot: follows(taken),
    timeout_now: stays('pre_candidate'),
    read_index: stays('pre_candidate', nowhere),
    read_index_response: stays('pre_candidate'),
  },
  candidate: {
    request_vote: stays('candidate', refused),
    request_vote_response: stays('leader', { kind: 'append_entries' }),
    append_entries: follows(matched),
    append_entries_response: stays('candidate'),
    install_snapshot: follows(taken),
    timeout_now: stays('candidate'),
    read_index: stays('candidate', nowhere),
    read_index_response: stays('candidate'),
  },
  leader: {
    request_vote: stays('leader', refused),
    request_vote_response: stays('leader'),
    append_entries: stays('leader'),
    append_entries_response: stays('leader'),
    install_snapshot: stays('leader'),
    timeout_now: stays('leader'),
    read_index: stays('leader', { kind: 'append_entries', round: 1 }),
    read_index_response: stays('leader'),
  },
};

const yieldsAll: Record<Kind, Expected> = {
  request_vote: yields(granted),
  request_vote_response: yields(),
  append_entries: yields(matched),
  append_entries_response: yields(),
  install_snapshot: yields(taken),
  timeout_now: { becomes: 'candidate', raised: 2, answers: { kind: 'request_vote' } },
  read_index: yields(nowhere),
  read_index_response: yields(),
};

const NEWER_TERM: Record<Role, Record<Kind, Expected>> = {
  follower: yieldsAll,
  pre_candidate: yieldsAll,
  candidate: yieldsAll,
  leader: yieldsAll,
};

const IMPOSSIBLE: readonly string[] = ['leader append_entries', 'leader install_snapshot'];
const KINDS = Object.keys(MESSAGE) as Kind[];
const ROLES = Object.keys(INTO) as Role[];

function meet(role: Role, kind: Kind, newer: number, expected: Expected): void {
  const cores = INTO[role]();
  expect(cores.status('a')).toMatchObject({ role, term: TERM[role] });
  cores.messages = [];
  cores.tell('a', { kind: 'message', message: MESSAGE[kind](TERM[role] + newer) });
  expect(cores.status('a')).toMatchObject({
    role: expected.becomes,
    term: TERM[role] + expected.raised,
  });
  const [answer] = cores.messages;
  if (expected.answers === undefined) expect(answer).toBeUndefined();
  else expect(answer).toMatchObject(expected.answers);
}

for (const role of ROLES) {
  for (const kind of KINDS) {
    const impossible = IMPOSSIBLE.includes(`${role} ${kind}`);
    if (!impossible)
      test(`a ${role} that meets a ${kind} of its term`, () => {
        meet(role, kind, 0, SAME_TERM[role][kind]);
      });
    test(`a ${role} that meets a ${kind} of a newer term`, () => {
      meet(role, kind, 1, NEWER_TERM[role][kind]);
    });
  }
}

test('a leader of the same term as another is a bug, and the core goes no further', () => {
  const cores = INTO.leader();
  const message = MESSAGE.append_entries(1);
  expect(() => cores.step('a', { kind: 'message', message })).toThrow('two leaders');
});

test('older terms change nothing; who must know of it is told the newer term', () => {
  for (const role of ROLES) {
    for (const kind of KINDS) {
      const cores = INTO[role]();
      const before = cores.status('a');
      cores.messages = [];
      cores.tell('a', { kind: 'message', message: MESSAGE[kind](0) });
      expect(cores.status('a')).toMatchObject({ role, term: before.term, last: before.last });
      for (const answer of cores.messages) expect(answer.term).toBe(TERM[role]);
    }
  }
});

test('what is for somebody else, and what comes back to its sender, is not heard', () => {
  const cores = INTO.follower();
  const before = cores.status('a');
  cores.messages = [];
  for (const kind of KINDS) {
    cores.tell('a', { kind: 'message', message: { ...MESSAGE[kind](9), to: 'z' } });
    cores.tell('a', { kind: 'message', message: { ...MESSAGE[kind](9), from: 'a', store: 'a1' } });
  }
  expect(cores.status('a')).toEqual(before);
  expect(cores.messages).toEqual([]);
});

test('entries that no leader can have sent are dropped: gaps, falling terms, terms to come', () => {
  const cores = INTO.follower();
  const frame = new Uint8Array(1);
  const garbled = [
    [{ term: 1, index: 3, frame }],
    [
      { term: 1, index: 2, frame },
      { term: 1, index: 4, frame },
    ],
    [{ term: 0, index: 2, frame }],
    [{ term: 5, index: 2, frame }],
    [{ term: 1, index: Number.NaN, frame }],
  ];
  for (const entries of garbled) {
    const message = { ...MESSAGE.append_entries(1), entries } as Message;
    cores.tell('a', { kind: 'message', message });
  }
  expect(cores.status('a').last).toEqual(LAST);
});
