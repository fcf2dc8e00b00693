/**
 * Raft's messages as bytes. The connection has proved who sends, with which store and of which cluster;
 * so a message holds the group and what it says:
 *
 * ```
 *  MessagePack [kind, group id, incarnation, term, …fields in the order below]
 *
 *  0 request_vote            question, pre, transfer, last term, last index
 *  1 request_vote_response   store that asked, question, pre, granted, stale_member
 *  2 append_entries          previous term, previous index, commit, round, quiesce, eased, frames one behind the other
 *  3 append_entries_response round, 1, match  |  round, 0, previous, conflict term, conflict index
 *  4 install_snapshot        snapshot term, snapshot index, configuration
 *  5 timeout_now             –
 *  6 read_index              round
 *  7 read_index_response     round, index or nil
 *
 *  MessagePack [8, message, message, …]    several of any groups, each a list as above
 * ```
 *
 * Whatever the bytes are, `decodeMessages` gives messages or throws `BadMessage`; frames are checked one
 * by one, since a follower keeps what it is sent.
 */
import { packr } from '../../log/command.ts';
import { readFrame } from '../../log/frame.ts';
import type { GroupId } from '../../log/group.ts';
import type { Entry, Place } from './core/entry.ts';
import type { Message } from './core/messages.ts';
import { entryOf } from './frames.ts';
import { BadMessage, Fields } from './fields.ts';

type Kind = Message['kind'];
type Of<K extends Kind> = Extract<Message, { kind: K }>;

/** What every message has, known before its own fields are read. */
export interface Envelope {
  readonly from: string;
  readonly store: string;
  readonly to: string;
  readonly term: number;
}

interface Codec<K extends Kind> {
  readonly write: (message: Of<K>) => readonly unknown[];
  readonly read: (fields: Fields, envelope: Envelope) => Of<K>;
}

const CODECS: { readonly [K in Kind]: Codec<K> } = {
  request_vote: {
    write: ({ question, pre, transfer, last }) => [question, pre, transfer, last.term, last.index],
    read: (fields, envelope) => ({
      ...envelope,
      kind: 'request_vote',
      question: fields.whole(),
      pre: fields.flag(),
      transfer: fields.flag(),
      last: place(fields),
    }),
  },
  request_vote_response: {
    write: ({ asker, question, pre, granted, stale_member }) => [
      asker,
      question,
      pre,
      granted,
      stale_member,
    ],
    read: (fields, envelope) => ({
      ...envelope,
      kind: 'request_vote_response',
      asker: fields.text(),
      question: fields.whole(),
      pre: fields.flag(),
      granted: fields.flag(),
      stale_member: fields.flag(),
    }),
  },
  append_entries: {
    write: ({ previous, commit, round, quiesce, eased, entries }) => [
      previous.term,
      previous.index,
      commit,
      round,
      quiesce,
      eased,
      joined(entries),
    ],
    // Named one by one, here and in the answer: what is spread costs more than all the rest of a heartbeat.
    read: (fields, { from, store, to, term }) => {
      const previous = place(fields);
      return {
        kind: 'append_entries',
        from,
        store,
        to,
        term,
        previous,
        commit: fields.whole(),
        round: fields.whole(),
        quiesce: fields.flag(),
        eased: fields.flag(),
        entries: entriesIn(fields.bytes(), previous),
      };
    },
  },
  append_entries_response: {
    write: (message) =>
      message.success
        ? [message.round, true, message.match]
        : [message.round, false, message.previous, message.conflict.term, message.conflict.index],
    read: (fields, { from, store, to, term }) => {
      const kind = 'append_entries_response';
      const round = fields.whole();
      if (fields.flag())
        return { kind, from, store, to, term, round, success: true, match: fields.whole() };
      const previous = fields.whole();
      const conflict = place(fields);
      return { kind, from, store, to, term, round, success: false, previous, conflict };
    },
  },
  install_snapshot: {
    write: ({ snapshot: { term, index, configuration } }) => [term, index, configuration],
    read: (fields, envelope) => ({
      ...envelope,
      kind: 'install_snapshot',
      snapshot: { ...place(fields), configuration: fields.members() },
    }),
  },
  timeout_now: {
    write: () => [],
    read: (_fields, envelope) => ({ ...envelope, kind: 'timeout_now' }),
  },
  read_index: {
    write: ({ round }) => [round],
    read: (fields, envelope) => ({ ...envelope, kind: 'read_index', round: fields.whole() }),
  },
  read_index_response: {
    write: ({ round, index }) => [round, index ?? null],
    read: (fields, envelope) => ({
      ...envelope,
      kind: 'read_index_response',
      round: fields.whole(),
      index: fields.wholeOrNothing(),
    }),
  },
};

/** Their place is their number on the wire. */
const KINDS = [
  'request_vote',
  'request_vote_response',
  'append_entries',
  'append_entries_response',
  'install_snapshot',
  'timeout_now',
  'read_index',
  'read_index_response',
] as const satisfies readonly Kind[];

const NUMBERS = new Map<Kind, number>(KINDS.map((kind, number) => [kind, number]));

/** Behind the numbers of the kinds: several messages in one. */
const SEVERAL = KINDS.length;

export interface GroupMessage {
  readonly group: GroupId;
  readonly message: Message;
}

/** At least one message, all to the same node. */
export function encodeMessages(messages: readonly GroupMessage[]): Buffer {
  const [first, ...more] = messages.map(valuesOf);
  return packr.pack(more.length === 0 ? first : [SEVERAL, first, ...more]);
}

/** @throws BadMessage */
export function decodeMessages(
  bytes: Buffer,
  link: Omit<Envelope, 'term'>,
): readonly GroupMessage[] {
  const fields = Fields.of(bytes);
  const number = fields.whole();
  if (number !== SEVERAL) return [messageIn(number, fields, link)];
  return fields.rest().map((each) => messageIn(each.whole(), each, link));
}

function valuesOf({ group: { id, incarnation }, message }: GroupMessage): readonly unknown[] {
  // Each kind is written by its own codec; the table cannot say that to the compiler.
  const write = CODECS[message.kind].write as (message: Message) => readonly unknown[];
  const number = NUMBERS.get(message.kind);
  return [number, id, incarnation, message.term, ...write(message)];
}

function messageIn(number: number, fields: Fields, link: Omit<Envelope, 'term'>): GroupMessage {
  const kind = KINDS[number];
  if (kind === undefined) throw new BadMessage('a message of an unknown kind');
  const group = { id: fields.text(), incarnation: fields.whole() };
  const { from, store, to } = link;
  const envelope = { from, store, to, term: fields.whole() };
  return { group, message: CODECS[kind].read(fields, envelope) };
}

function place(fields: Fields): Place {
  return { term: fields.whole(), index: fields.whole() };
}

function joined(entries: readonly Entry[]): Buffer {
  return Buffer.concat(entries.map(({ frame }) => frame));
}

/** Checked frames that follow `previous` and each other. */
function entriesIn(frames: Buffer, previous: Place): Entry[] {
  const entries: Entry[] = [];
  let last = previous;
  for (let offset = 0; offset < frames.length;) {
    const read = readFrame(frames, offset);
    if (read.kind !== 'frame') throw new BadMessage('a frame that is not what was sealed');
    last = following(last, entryOf(read.frame));
    entries.push(last as Entry);
    offset = read.next;
  }
  return entries;
}

function following(before: Place, entry: Entry): Entry {
  if (entry.index === before.index + 1 && entry.term >= before.term) return entry;
  throw new BadMessage('entries that do not follow each other');
}
