/**
 * Exactly once: a command that is retried is applied once and answered twice.
 *
 * ```
 *                    first time               again, in the window        later
 *  key (REST)        apply, remember          replayed: first outcome     idempotency-expired
 *  session + seq     apply, remember          replayed: first outcome     idempotency-expired
 * ```
 *
 * Keys are remembered per actor with the fingerprint of the request; a key with another request is
 * `idempotency-mismatch`. The window is KEY_WINDOW_MS of log time. A remembered key outlives its window
 * as a tombstone and is refused as expired, until KEYS_MAX rows are reached: then expired keys go,
 * oldest first, and if none is expired a new keyed command is refused with `backpressure`: a key inside
 * its window is never given up. A key that is a UUIDv7 carries its own time and is refused once that is
 * older than the window, remembered or not.
 *
 * A session is opened by an entry and named by that entry's index. Its sequence numbers are remembered
 * for the newest SESSION_WINDOW; at or below that, a number is refused as expired.
 */
import { z } from 'zod';
import type { Command, Entry, RetryMark } from '../log/command.ts';
import { type Outcome, refuse } from './outcome.ts';
import {
  command,
  type Due,
  type Moment,
  NOTHING_DUE,
  projection,
  type ReadonlyTables,
  type WritableTables,
} from './projection.ts';
import type { TableDefinition } from './table.ts';

export const KEY_WINDOW_MS = 10 * 60 * 1000;
export const KEYS_MAX = 100_000;
export const SESSIONS_MAX = 10_000;
export const SESSION_WINDOW = 1024;
/** The most one entry closes: each takes up to SESSION_WINDOW rows with it. */
const SESSIONS_CLOSED_MAX = 32;
/** A session unused for so long is closed by a duty. */
export const SESSION_IDLE_MS = 60 * 60 * 1000;

export interface KeyRow {
  readonly id: string;
  readonly index: number;
  readonly print: string;
  readonly at: number;
}

export interface SessionRow {
  readonly session: number;
  readonly actor: string;
  readonly last_seq: number;
  readonly last_at: number;
}

interface SequenceRow {
  readonly session: number;
  readonly seq: number;
  readonly index: number;
}

export const KEYS: TableDefinition<KeyRow> = {
  name: 'keys',
  key: (row) => row.id,
  columns: ['id', 'index', 'print', 'at'],
  indexes: { by_age: ['at', 'index'] },
};

export const SESSIONS: TableDefinition<SessionRow> = {
  name: 'sessions',
  key: (row) => String(row.session),
  columns: ['session', 'actor', 'last_seq', 'last_at'],
  indexes: { by_use: ['last_at'] },
};

export const SEQUENCES: TableDefinition<SequenceRow> = {
  name: 'session_sequences',
  key: (row) => `${row.session}/${row.seq}`,
  columns: ['session', 'seq', 'index'],
  indexes: { by_session: ['session', 'seq'] },
};

/**
 * Refusals that leave no memory: some invite a retry with the same key, which must then count; the
 * others speak of a key that is remembered already.
 */
const FORGOTTEN: ReadonlySet<string> = new Set([
  'backpressure',
  'group-limit',
  'upgrade-required',
  'idempotency-expired',
  'idempotency-mismatch',
]);

type KeyMark = Extract<RetryMark, { readonly key: string }>;
type SequenceMark = Extract<RetryMark, { readonly session: number }>;

/** What is known of a retried command: its answer, or undefined when it is to be decided. */
export function recognise(
  tables: ReadonlyTables,
  { once, actor = '' }: Command,
  moment: Moment,
): Outcome | undefined {
  if (once === undefined) return undefined;
  if ('session' in once) return recogniseSequence(tables, once, actor);
  return recogniseKey(tables, { ...once, id: keyId(actor, once) }, moment);
}

/** The identity of a key: the actor's, so that two clients never share one by accident. */
function keyId(actor: string | undefined, { key }: KeyMark): string {
  return `${actor ?? ''}\u0000${key}`;
}

interface IdentifiedKey extends KeyMark {
  readonly id: string;
}

function recogniseKey(
  tables: ReadonlyTables,
  mark: IdentifiedKey,
  moment: Moment,
): Outcome | undefined {
  const known = tables.of(KEYS).get(mark.id);
  if (known !== undefined) return rememberedKey(known, mark, moment);
  if (moment.at - ownTime(mark.key) > KEY_WINDOW_MS)
    return refuse('idempotency-expired', 'the key carries a time older than the window', {
      window_seconds: KEY_WINDOW_MS / 1000,
    });
  return isFullOfLiveKeys(tables, moment)
    ? refuse('backpressure', 'too many idempotency keys in the window', { limit: KEYS_MAX })
    : undefined;
}

function rememberedKey(known: KeyRow, mark: KeyMark, moment: Moment): Outcome {
  if (known.print !== mark.print)
    return refuse('idempotency-mismatch', 'the key was used for another request', {
      index: known.index,
    });
  if (moment.at - known.at > KEY_WINDOW_MS)
    return refuse('idempotency-expired', 'the window of the key is over', { index: known.index });
  return { kind: 'replayed', of: known.index };
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** The time a UUIDv7 carries (RFC 9562 §5.7), or infinity for a key that carries none. */
function ownTime(key: string): number {
  if (!UUID_V7.test(key)) return Number.POSITIVE_INFINITY;
  return Number.parseInt(key.slice(0, 8) + key.slice(9, 13), 16);
}

function isFullOfLiveKeys(tables: ReadonlyTables, moment: Moment): boolean {
  const keys = tables.of(KEYS);
  if (keys.size < KEYS_MAX) return false;
  const [oldest] = keys.select('by_age', []);
  return oldest !== undefined && moment.at - oldest.at <= KEY_WINDOW_MS;
}

function recogniseSequence(
  tables: ReadonlyTables,
  { session, seq }: SequenceMark,
  actor: string,
): Outcome | undefined {
  const row = tables.of(SESSIONS).get(String(session));
  if (row?.actor !== actor)
    return refuse('idempotency-expired', 'no such session of yours is open', { session });
  return seq > row.last_seq ? undefined : rememberedSequence(tables, { session, seq });
}

function rememberedSequence(tables: ReadonlyTables, { session, seq }: SequenceMark): Outcome {
  const known = tables.of(SEQUENCES).get(`${session}/${seq}`);
  return known === undefined
    ? refuse('idempotency-expired', 'the sequence number is behind the window', { session, seq })
    : { kind: 'replayed', of: known.index };
}

/** Notes that the entry was decided, so that a retry is recognised. Uses only the entry: a fold. */
export function remember(
  tables: WritableTables,
  { once, actor }: Entry,
  outcome: Outcome,
  moment: Moment,
): void {
  if (once === undefined || leavesNoMemory(outcome)) return;
  if ('session' in once) rememberSequence(tables, once, moment);
  else rememberKey(tables, { ...once, id: keyId(actor, once) }, moment);
}

function leavesNoMemory(outcome: Outcome): boolean {
  if (outcome.kind === 'replayed') return true;
  return outcome.kind === 'refused' && FORGOTTEN.has(outcome.code);
}

function rememberKey(tables: WritableTables, { id, print }: IdentifiedKey, moment: Moment): void {
  const keys = tables.of(KEYS);
  keys.put({ id, index: moment.index, print, at: moment.at });
  if (keys.size <= KEYS_MAX) return;
  const [oldest] = keys.select('by_age', []);
  if (oldest !== undefined) keys.remove(oldest.id);
}

function rememberSequence(
  tables: WritableTables,
  { session, seq }: SequenceMark,
  moment: Moment,
): void {
  const row = tables.of(SESSIONS).get(String(session));
  if (row === undefined) return;
  tables.of(SESSIONS).put({ ...row, last_seq: seq, last_at: moment.at });
  tables.of(SEQUENCES).put({ session, seq, index: moment.index });
  forgetSequences(tables, session, seq - SESSION_WINDOW);
}

function forgetSequences(tables: WritableTables, session: number, upTo: number): void {
  const sequences = tables.of(SEQUENCES);
  const behind: SequenceRow[] = [];
  for (const row of sequences.select('by_session', [session])) {
    if (row.seq > upTo) break;
    behind.push(row);
  }
  for (const row of behind) sequences.remove(`${session}/${row.seq}`);
}

type Facts =
  | { readonly type: 'session_opened'; readonly session: number; readonly actor: string }
  | { readonly type: 'session_closed'; readonly session: number };

function due(tables: ReadonlyTables, moment: Moment): Due {
  const [idlest] = tables.of(SESSIONS).select('by_use', []);
  if (idlest === undefined) return NOTHING_DUE;
  const next_at = idlest.last_at + SESSION_IDLE_MS;
  if (next_at > moment.at) return { duties: [], next_at };
  return { duties: idleSessions(tables, moment), next_at: moment.at };
}

function idleSessions(tables: ReadonlyTables, moment: Moment): Due['duties'] {
  const sessions: number[] = [];
  for (const row of tables.of(SESSIONS).select('by_use', [])) {
    if (row.last_at + SESSION_IDLE_MS > moment.at || sessions.length === SESSIONS_CLOSED_MAX) break;
    sessions.push(row.session);
  }
  return [{ type: 'close_idle_sessions', data: { sessions } }];
}

export const sessions = projection<Facts>({
  name: 'sessions',
  summary: 'Idempotency keys and client sessions: a retry is applied once and answered twice.',
  tables: [KEYS, SESSIONS, SEQUENCES],
  commands: {
    open_session: command({
      summary: 'Opens a session; its name is the index of this entry.',
      traffic: 'dispatch',
      schema: z.object({}),
      decide: (ruling) => {
        if (ruling.tables.of(SESSIONS).size >= SESSIONS_MAX)
          return refuse('backpressure', 'too many open sessions', { limit: SESSIONS_MAX });
        const { index: session, actor } = ruling;
        ruling.emit<Facts>({ type: 'session_opened', session, actor });
        return undefined;
      },
    }),
    close_session: command({
      summary: 'Closes a session of the caller.',
      traffic: 'control',
      schema: z.object({ session: z.int().min(1) }),
      decide: (ruling, { session }) => {
        const row = ruling.tables.of(SESSIONS).get(String(session));
        if (row?.actor !== ruling.actor)
          return refuse('not-found', 'no such session of yours', { session });
        ruling.emit<Facts>({ type: 'session_closed', session });
        return undefined;
      },
    }),
    close_idle_sessions: command({
      summary: 'Closes sessions unused for an hour.',
      origin: 'duty',
      traffic: 'control',
      schema: z.object({ sessions: z.array(z.int().min(1)).max(SESSIONS_CLOSED_MAX) }),
      decide: (ruling, { sessions: idle }) => {
        for (const session of idle) {
          const row = ruling.tables.of(SESSIONS).get(String(session));
          if (row !== undefined && row.last_at + SESSION_IDLE_MS <= ruling.at)
            ruling.emit<Facts>({ type: 'session_closed', session });
        }
        return undefined;
      },
    }),
  },
  folds: {
    session_opened: (tables, { session, actor }, moment) =>
      tables.of(SESSIONS).put({ session, actor, last_seq: 0, last_at: moment.at }),
    session_closed: (tables, { session }) => {
      tables.of(SESSIONS).remove(String(session));
      forgetSequences(tables, session, Number.POSITIVE_INFINITY);
    },
  },
  due,
});
