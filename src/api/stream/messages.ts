/**
 * What a client says on the stream: a frame of text holds one message or an array of them.
 *
 * ```
 * {"kind":"propose","ref":7,"type":"add_work","data":{…},"key":"…"}          a retry mark is one of
 * {"kind":"propose","ref":8,"type":"add_work","data":{…},"session":3,"seq":1}   key, or session and seq
 * ```
 */
import { z } from 'zod';
import type { RequestFault } from '../wire/problem.ts';
import { below, faultsOf } from '../faults.ts';
import { readJson } from '../wire/json.ts';

/** A larger frame closes the connection (websocket close code 1009). */
export const FRAME_BYTES_MAX = 256 * 1024;
const FRAME_MESSAGES_MAX = 1000;

const REF_LENGTH_MAX = 128;
const TYPE_LENGTH_MAX = 128;
const KEY = /^[\x21-\x7e]{1,128}$/;

const PROPOSE = z.object({
  kind: z.literal('propose'),
  /** The caller's name for the proposal; its answer carries it. */
  ref: z.union([z.string().max(REF_LENGTH_MAX), z.int()]),
  type: z.string().max(TYPE_LENGTH_MAX),
  data: z.unknown(),
  key: z.string().regex(KEY).optional(),
  session: z.int().min(1).optional(),
  seq: z.int().min(1).optional(),
});

export type Propose = z.output<typeof PROPOSE>;

export type FrameRead =
  | { readonly kind: 'messages'; readonly messages: readonly Propose[]; readonly isArray: boolean }
  | { readonly kind: 'bad'; readonly faults: readonly RequestFault[] };

/** Reads a frame of text. Never throws. */
export function readFrameText(text: string): FrameRead {
  const read = readJson(text);
  if (read.kind === 'malformed') return bad('malformed', read.detail);
  const { value } = read;
  if (!Array.isArray(value)) return readMessages([value], false);
  return value.length > FRAME_MESSAGES_MAX
    ? bad('too-big', `a frame holds at most ${FRAME_MESSAGES_MAX} messages`)
    : readMessages(value, true);
}

function bad(code: string, detail: string): FrameRead {
  return { kind: 'bad', faults: [{ pointer: '', code, detail }] };
}

/** Fields of a plain proposal. Whatever does not pass here is for the schema to judge. */
const PLAIN: readonly ((message: Readonly<Record<string, unknown>>) => boolean)[] = [
  ({ kind }) => kind === 'propose',
  ({ ref }) =>
    Number.isSafeInteger(ref) || (typeof ref === 'string' && ref.length <= REF_LENGTH_MAX),
  ({ type }) => typeof type === 'string' && type.length <= TYPE_LENGTH_MAX,
  ({ data }) => typeof data === 'object',
  ({ key }) => key === undefined || (typeof key === 'string' && KEY.test(key)),
  ({ session, seq }) => session === undefined && seq === undefined,
];

/** Tells by a few comparisons what the schema would take ten times as long for. */
function isPlain(value: unknown): value is Propose {
  return isObject(value) && PLAIN.every((passes) => passes(value));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function readMessages(values: readonly unknown[], isArray: boolean): FrameRead {
  return values.every(isPlain)
    ? { kind: 'messages', messages: values, isArray }
    : judged(values, isArray);
}

/** What the schema makes of them. */
function judged(values: readonly unknown[], isArray: boolean): FrameRead {
  const messages: Propose[] = [];
  for (const [place, value] of values.entries()) {
    const parsed = PROPOSE.safeParse(value);
    if (!parsed.success)
      return {
        kind: 'bad',
        faults: faultsOf(parsed.error.issues, below(isArray ? `/${place}` : '')),
      };
    messages.push(parsed.data);
  }
  return { kind: 'messages', messages, isArray };
}
