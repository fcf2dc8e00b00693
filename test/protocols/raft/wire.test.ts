import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCommand, packr } from '../../../src/log/command.ts';
import { sealFrame } from '../../../src/log/frame.ts';
import type { Members } from '../../../src/log/members.ts';
import type { Entry } from '../../../src/protocols/raft/core/entry.ts';
import type { Message } from '../../../src/protocols/raft/core/messages.ts';
import { BadMessage } from '../../../src/protocols/raft/fields.ts';
import { entryOf, frameMaker, isSealed, membersIn } from '../../../src/protocols/raft/frames.ts';
import { decodeMessages, encodeMessages } from '../../../src/protocols/raft/wire.ts';

const GROUP = { id: 'job/42', incarnation: 17 };
const LINK = { from: 'n1', store: 's1', to: 'n2' };

const MEMBERS: Members = {
  voters: [{ id: 'n1', store: 's1', addresses: ['10.0.0.1:4321', '[::1]:4321'] }],
  outgoing: [{ id: 'n2', store: 's2', addresses: [] }],
  learners: [{ id: 'n3', store: 's3', addresses: ['n3:1'] }],
};

function entry(index: number, term: number, data: Record<string, unknown> = {}): Entry {
  const frame = encodeCommand({ type: 'no_op', data });
  sealFrame(frame, { index, term, at: 1_000 + index });
  return entryOf(frame);
}

const whole = fc.nat();
const place = fc.record({ term: whole, index: whole });

const MESSAGES: {
  readonly [K in Message['kind']]: fc.Arbitrary<
    Omit<Extract<Message, { kind: K }>, 'from' | 'store' | 'to' | 'term'>
  >;
} = {
  request_vote: fc.record({
    kind: fc.constant('request_vote'),
    question: whole,
    pre: fc.boolean(),
    transfer: fc.boolean(),
    last: place,
  }),
  request_vote_response: fc.record({
    kind: fc.constant('request_vote_response'),
    asker: fc.string(),
    question: whole,
    pre: fc.boolean(),
    granted: fc.boolean(),
    stale_member: fc.boolean(),
  }),
  append_entries: fc.record({
    kind: fc.constant('append_entries'),
    previous: fc.constant({ term: 3, index: 6 }),
    entries: fc
      .nat({ max: 5 })
      .map((many) => Array.from({ length: many }, (_, at) => entry(7 + at, 3 + at))),
    commit: whole,
    round: whole,
    quiesce: fc.boolean(),
    eased: fc.boolean(),
  }),
  append_entries_response: fc.oneof(
    fc.record({
      kind: fc.constant('append_entries_response' as const),
      round: whole,
      success: fc.constant(true as const),
      match: whole,
    }),
    fc.record({
      kind: fc.constant('append_entries_response' as const),
      round: whole,
      success: fc.constant(false as const),
      previous: whole,
      conflict: place,
    }),
  ),
  install_snapshot: fc.record({
    kind: fc.constant('install_snapshot'),
    snapshot: place.map((at) => ({ ...at, configuration: MEMBERS })),
  }),
  timeout_now: fc.record({ kind: fc.constant('timeout_now') }),
  read_index: fc.record({ kind: fc.constant('read_index'), round: whole }),
  read_index_response: fc.record({
    kind: fc.constant('read_index_response'),
    round: whole,
    index: fc.option(whole, { nil: undefined }),
  }),
};

function anyMessage(): fc.Arbitrary<Message> {
  const bodies = Object.values(MESSAGES) as fc.Arbitrary<object>[];
  return fc
    .tuple(fc.oneof(...bodies), whole)
    .map(([body, term]) => ({ ...LINK, term, ...body }) as Message);
}

describe('messages between cores', () => {
  test('every message is on the other side what it was, with its group and its sender', () => {
    fc.assert(
      fc.property(anyMessage(), (message) => {
        const decoded = decodeMessages(encodeMessages([{ group: GROUP, message }]), LINK);
        expect(decoded).toEqual([{ group: GROUP, message }]);
      }),
    );
  });

  test('several messages of different groups travel as one, each with its own group', () => {
    const groups = fc.record({ id: fc.string(), incarnation: whole });
    const several = fc.array(fc.record({ group: groups, message: anyMessage() }), { minLength: 1 });
    fc.assert(
      fc.property(several, (messages) => {
        expect(decodeMessages(encodeMessages(messages), LINK)).toEqual(messages);
      }),
    );
  });

  test('whatever bytes come, they are a message or are refused as bad', () => {
    const messages = fc.array(anyMessage(), { minLength: 1, maxLength: 3 });
    const damaged = fc
      .tuple(messages, fc.nat(), fc.nat({ max: 255 }))
      .map(([several, at, byte]) => {
        const encoded = encodeMessages(several.map((message) => ({ group: GROUP, message })));
        const bytes = Buffer.from(encoded);
        bytes[at % bytes.length] = byte;
        return bytes;
      });
    const anyBytes = fc.oneof(
      damaged,
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        try {
          for (const { message } of decodeMessages(bytes, LINK)) expect(message.to).toBe('n2');
        } catch (error) {
          expect(error).toBeInstanceOf(BadMessage);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('an entry with one flipped bit is never taken over', () => {
    const message = {
      ...LINK,
      kind: 'append_entries',
      term: 3,
      previous: { term: 3, index: 6 },
      entries: [entry(7, 3), entry(8, 3)],
      commit: 6,
      round: 0,
      quiesce: false,
      eased: false,
    } as const;
    const bytes = encodeMessages([{ group: GROUP, message }]);
    const frames = message.entries.reduce((sum, { frame }) => sum + frame.length, 0);
    fc.assert(
      fc.property(fc.nat({ max: frames * 8 - 1 }), (bit) => {
        const flipped = Buffer.from(bytes);
        flipped[bytes.length - frames + (bit >> 3)]! ^= 1 << (bit & 7);
        expect(() => decodeMessages(flipped, LINK)).toThrow(BadMessage);
      }),
    );
  });

  test.each([
    ['with a gap', [entry(8, 3)]],
    ['with a falling term', [entry(7, 4), entry(8, 3)]],
    ['of an older term than the one before', [entry(7, 2)]],
  ])('entries %s do not follow and are refused', (_what, entries) => {
    const message = {
      ...LINK,
      kind: 'append_entries',
      term: 5,
      previous: { term: 3, index: 6 },
      entries,
      commit: 6,
      round: 0,
      quiesce: false,
      eased: false,
    } as const;
    expect(() => decodeMessages(encodeMessages([{ group: GROUP, message }]), LINK)).toThrow(
      BadMessage,
    );
  });

  test('a message of a kind nobody knows is refused', () => {
    expect(() => decodeMessages(packr.pack([99, 'main', 0, 1]), LINK)).toThrow(BadMessage);
  });
});

describe('frames as Raft sees them', () => {
  const frames = frameMaker('n1');

  test('an entry that changes the members says so without being decoded by anybody else', () => {
    const frame = frames.configuration(MEMBERS) as Buffer;
    sealFrame(frame, { index: 9, term: 4, at: 5 });
    expect(membersIn(frame)).toEqual(MEMBERS);
    expect(entryOf(frame)).toEqual({ index: 9, term: 4, frame, configuration: MEMBERS });
  });

  test('no other entry is taken for one, whatever its type and its data', () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.string()), (type, data) => {
        fc.pre(type !== 'configuration');
        const frame = encodeCommand({ type, data, actor: 'configuration' });
        sealFrame(frame, { index: 1, term: 1, at: 1 });
        expect(membersIn(frame)).toBeUndefined();
      }),
    );
  });

  test('a frame is sealed once it has its place', () => {
    const frame = frames.noOp() as Buffer;
    expect(isSealed(frame)).toBe(false);
    sealFrame(frame, { index: 1, term: 1, at: 1 });
    expect(isSealed(frame)).toBe(true);
  });
});
