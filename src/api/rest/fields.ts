/** Schemas of what stands in queries and headers, where everything is text. */
import { z } from 'zod';

/** The longest a request may wait for anything. */
export const WAIT_MS_MAX = 60_000;
/** The most items of a list. */
const LIMIT_MAX = 1000;
const TIMEOUT_DEFAULT = '5s';

/** `30s`, `500ms`, or seconds as a bare number; becomes milliseconds. */
const DURATION = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,3})?(ms|s)?$/, 'a duration such as 30s, 500ms or 2.5')
  .transform(milliseconds)
  .refine((wait) => wait <= WAIT_MS_MAX, `at most ${WAIT_MS_MAX / 1000} seconds`);

function milliseconds(text: string): number {
  const unit = text.endsWith('ms') ? 1 : 1000;
  return Math.round(Number.parseFloat(text) * unit);
}

export const INDEX = z.coerce.number().int().min(0);
export const LIMIT = z.coerce.number().int().min(1).max(LIMIT_MAX);
const FLAG = z
  .enum(['true', 'false'])
  .default('false')
  .transform((flag) => flag === 'true');
/** On unless it is switched off. */
const UNLESS_OFF = z
  .enum(['true', 'false'])
  .default('true')
  .transform((flag) => flag === 'true');
export const WAIT = DURATION.default(0).describe('How long to wait for news, such as 30s.');
const TIMEOUT = DURATION.default(milliseconds(TIMEOUT_DEFAULT)).describe(
  'How long to wait for the answer; 5s when not said.',
);

/** Query options of reads. */
export const READ = {
  consistency: z.enum(['linearizable', 'local']).optional(),
  min_index: INDEX.optional().describe('Answer from this index on: read your own writes.'),
  timeout: TIMEOUT,
};

/** Query options of writes. */
export const WRITE = {
  dry_run: FLAG.describe('Decide without writing anything.'),
  forward: UNLESS_OFF.describe('Carry it to the leader; false: say who leads instead.'),
  timeout: TIMEOUT,
};

const IF_MATCH = z
  .string()
  .regex(/^(W\/)?"\d{1,16}"$/, 'an ETag of this service, such as "42"')
  .transform((tag) => Number.parseInt(tag.replace(/\D+/, ''), 10));

const VISIBLE = /^[\x21-\x7e]{1,128}$/;
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Headers of writes. Others are none of our business. */
export const WRITE_HEADERS = z.object({
  'idempotency-key': z
    .string()
    .regex(VISIBLE, '1 to 128 visible characters')
    .optional()
    .describe('Makes a retry answer what the first attempt led to. A UUIDv7 is best.'),
  'if-match': IF_MATCH.optional().describe('Only if it has not changed since this ETag.'),
  'if-none-match': z.literal('*').optional().describe('Only if it does not exist.'),
  // A malformed traceparent is to be ignored (W3C Trace Context §4.3).
  traceparent: z.string().regex(TRACEPARENT).optional().catch(undefined),
});

const CURSOR_PARTS_MAX = 16;
const TUPLE = z.array(z.union([z.string(), z.number()])).max(CURSOR_PARTS_MAX);

/** An opaque place in a list: the tuple of the last row given. */
export const CURSOR = z
  .string()
  .max(4096)
  .transform((text, context) => {
    const tuple = TUPLE.safeParse(parsedOrUndefined(Buffer.from(text, 'base64url').toString()));
    if (tuple.success) return tuple.data;
    context.addIssue({ code: 'custom', message: 'not a cursor of this service' });
    return z.NEVER;
  });

export function cursorOf(tuple: readonly (string | number)[] | undefined): string | null {
  return tuple === undefined ? null : Buffer.from(JSON.stringify(tuple)).toString('base64url');
}

function parsedOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
