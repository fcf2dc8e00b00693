/**
 * Retention: how much of the log stays on the disk. `all` is the default, because a log exists to be
 * audited; the memory of the node is another matter and follows the snapshots.
 *
 * ```
 *   all   |   100000 entries   |   512 MiB (B, KiB, GiB, TiB)   |   30 d (s, m, h)
 * ```
 *
 * Whatever the policy, nothing above the newest snapshot is given up, nor what somebody still holds: a
 * durable subscription's acknowledged index, an unsealed Merkle tile.
 */
import { stampOf } from './frame.ts';
import type { GroupId } from './group.ts';
import type { Milliseconds } from './time.ts';

export type Retention =
  | { readonly kind: 'all' }
  | { readonly kind: 'entries'; readonly entries: number }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'duration'; readonly milliseconds: Milliseconds };

interface Form {
  readonly pattern: RegExp;
  readonly read: (amount: number) => Retention;
}

function bytesForm(pattern: RegExp, unit: number): Form {
  return { pattern, read: (amount) => ({ kind: 'bytes', bytes: amount * unit }) };
}

function durationForm(pattern: RegExp, unit: Milliseconds): Form {
  return { pattern, read: (amount) => ({ kind: 'duration', milliseconds: amount * unit }) };
}

const FORMS: readonly Form[] = [
  { pattern: /^all$/, read: () => ({ kind: 'all' }) },
  { pattern: /^\d{1,12} ?entries$/, read: (entries) => ({ kind: 'entries', entries }) },
  bytesForm(/^\d{1,12} ?B$/, 1),
  bytesForm(/^\d{1,9} ?KiB$/, 2 ** 10),
  bytesForm(/^\d{1,9} ?MiB$/, 2 ** 20),
  bytesForm(/^\d{1,6} ?GiB$/, 2 ** 30),
  bytesForm(/^\d{1,3} ?TiB$/, 2 ** 40),
  durationForm(/^\d{1,9} ?s$/, 1_000),
  durationForm(/^\d{1,9} ?m$/, 60_000),
  durationForm(/^\d{1,6} ?h$/, 3_600_000),
  durationForm(/^\d{1,6} ?d$/, 86_400_000),
];

/** @returns nothing where the text is not a policy. */
export function parseRetention(text: string): Retention | undefined {
  return FORMS.find(({ pattern }) => pattern.test(text))?.read(Number.parseInt(text, 10));
}

/** What retention needs to see of a log. */
export interface RetainedLog {
  bounds(group: GroupId): { readonly first: number; readonly last: number };
  frame(group: GroupId, index: number): Promise<Buffer | undefined>;
  /** Bytes on disk from this entry to the end, roughly; outcome pages may be counted too. */
  bytesFrom(group: GroupId, index: number): Promise<number>;
}

export interface RetentionRequest {
  readonly log: RetainedLog;
  readonly group: GroupId;
  readonly retention: Retention;
  readonly now: Milliseconds;
  /** Index of the newest snapshot, 0 without one. */
  readonly snapshotIndex: number;
  /** Indices that are still needed, by whomever. */
  readonly held?: readonly number[];
}

/** The oldest index to be kept; everything below may be trimmed. */
export async function retainedFrom(request: RetentionRequest): Promise<number> {
  const { log, group, snapshotIndex, held = [] } = request;
  const wanted = await wantedFrom(request, request.retention);
  return Math.max(log.bounds(group).first, Math.min(wanted, snapshotIndex + 1, ...held));
}

type Rule<Kind extends Retention['kind']> = (
  request: RetentionRequest,
  policy: Extract<Retention, { readonly kind: Kind }>,
) => number | Promise<number>;

const RULES: { readonly [Kind in Retention['kind']]: Rule<Kind> } = {
  all: ({ log, group }) => log.bounds(group).first,
  entries: ({ log, group }, policy) => log.bounds(group).last - policy.entries + 1,
  bytes: (request, policy) =>
    oldest(request, async (index) => {
      return (await request.log.bytesFrom(request.group, index)) <= policy.bytes;
    }),
  duration: (request, policy) =>
    oldest(request, async (index) => {
      return (await stampAt(request, index)) >= request.now - policy.milliseconds;
    }),
};

/** The oldest index the policy wants to keep. */
function wantedFrom<Kind extends Retention['kind']>(
  request: RetentionRequest,
  policy: Extract<Retention, { readonly kind: Kind }>,
): number | Promise<number> {
  const rule: Rule<Kind> = RULES[policy.kind];
  return rule(request, policy);
}

/** The oldest index that is kept, where everything after a kept one is kept: one past the last if none is. */
async function oldest(
  { log, group }: RetentionRequest,
  kept: (index: number) => Promise<boolean>,
): Promise<number> {
  const { first, last } = log.bounds(group);
  let low = first;
  let high = last + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await kept(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The leader's stamp; an entry that is not there any more is older than all. */
async function stampAt({ log, group }: RetentionRequest, index: number): Promise<Milliseconds> {
  const frame = await log.frame(group, index);
  return frame === undefined ? 0 : stampOf(frame);
}
