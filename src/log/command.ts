/**
 * A command, and the envelope it travels in: a standard MessagePack map that any reader in any language
 * can audit (no extension, no undefined, keys in the order below). Numbers are exact: integers below 2^32
 * as MessagePack integers, larger ones (times, large tokens) as float64, which holds all up to 2^53.
 *
 * ```
 * { type, data, once?: { key, print } | { session, seq }, actor?, trace?, if_index? }
 * ```
 *
 * `once` makes a retry recognisable: an idempotency key with the fingerprint of the request's raw body,
 * or a session and its sequence number; `actor` says who asked; `trace` is a W3C traceparent; `if_index`
 * makes the command conditional on the index of the last change of what it names (0: it must not exist).
 */
import { Packr, RESERVE_START_SPACE } from 'msgpackr';
import {
  blankHead,
  ENVELOPE_BYTES,
  ENVELOPE_VERSION,
  FRAME_HEADER_BYTES,
  indexOf,
  stampOf,
  termOf,
} from './frame.ts';
import { unpack } from './message-pack.ts';

export type RetryMark =
  | { readonly key: string; readonly print: string }
  | { readonly session: number; readonly seq: number };

export interface Command {
  readonly type: string;
  /** The fields of the command, as its schema parsed them: plain JSON data. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly once?: RetryMark | undefined;
  readonly actor?: string | undefined;
  readonly trace?: string | undefined;
  readonly if_index?: number | undefined;
}

/** A command that has its place in a group's log. */
export interface Entry extends Command {
  readonly term: number;
  readonly index: number;
  readonly at: number;
}

const BODY_AT = FRAME_HEADER_BYTES + ENVELOPE_BYTES;
/** Leaves room for the head in front of the body: what is encoded is the frame already. */
const BEHIND_HEAD = RESERVE_START_SPACE | BODY_AT;
const OPTIONAL = ['once', 'actor', 'trace', 'if_index'] as const;

/** Standard MessagePack, for everything this service writes: readable without our code. */
export const packr = new Packr({ useRecords: false, int64AsType: 'number', variableMapSize: true });

/** Encodes a command into an unsealed frame. Its length tells whether it is within COMMAND_BYTES_MAX. */
export function encodeCommand(command: Command): Buffer {
  const envelope: Record<string, unknown> = { type: command.type, data: command.data };
  for (const name of OPTIONAL) if (command[name] !== undefined) envelope[name] = command[name];
  const frame = packr.pack(envelope, BEHIND_HEAD);
  blankHead(frame);
  return frame;
}

/**
 * Decodes a sealed frame.
 * @throws when the envelope is of a newer version or not MessagePack: the caller treats it as an entry
 *   this build cannot read (upgrade required), never as damage, since the checksum held.
 */
export function decodeEntry(frame: Buffer): Entry {
  const version = frame[FRAME_HEADER_BYTES];
  if (version !== ENVELOPE_VERSION)
    throw new Error(`command envelope version ${version} is newer than this build reads`);
  // The unpacked map is this entry's own: its place is written into it instead of into a copy.
  const entry = unpack(frame, BODY_AT) as Writable<Entry>;
  entry.term = termOf(frame);
  entry.index = indexOf(frame);
  entry.at = stampOf(frame);
  return entry;
}

type Writable<Type> = { -readonly [Name in keyof Type]: Type[Name] };
