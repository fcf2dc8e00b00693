/**
 * What a committed entry led to. Recorded beside the log, chained into the digest, streamed, and the
 * answer to the caller.
 *
 * ```
 * applied   the facts that were folded, in order, and what the command answers per item (`results`)
 * refused   a code and what it is about; nothing changed
 * replayed  the same key or session sequence was applied before, at `of`: its outcome is the answer
 * skipped   the type is unknown at the rules version in force; counted, nothing changed
 * ```
 */

/** One thing that became true: a type and plain, integer-valued fields. */
export interface Fact {
  readonly type: string;
}

export interface Applied {
  readonly kind: 'applied';
  readonly facts: readonly Fact[];
  /** For commands over several items: one answer per item, in the order of the items. */
  readonly results?: readonly unknown[];
}

export interface Refusal {
  readonly kind: 'refused';
  readonly code: RefusalCode;
  /** One sentence for the caller: what stands in the way, and of what. Same on every node. */
  readonly detail: string;
  /** The particulars: holder, token, limit, … */
  readonly about?: Readonly<Record<string, unknown>>;
}

export interface Replayed {
  readonly kind: 'replayed';
  readonly of: number;
}

export interface Skipped {
  readonly kind: 'skipped';
  readonly type: string;
}

export type Outcome = Applied | Refusal | Replayed | Skipped;

/** Why a rule refuses. The HTTP status of each is in `api/wire/problem.ts`, and a test keeps them equal. */
export const REFUSAL_CODES = [
  'not-found',
  'exists',
  'conflict',
  'unique-conflict',
  'unknown-dependency',
  'dependency-cycle',
  'stale-token',
  'already-claimed',
  'illegal-transition',
  'precondition-failed',
  'idempotency-expired',
  'idempotency-mismatch',
  'backpressure',
  'group-limit',
  'sealed',
  'forbidden',
  'rule-fault',
  'upgrade-required',
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

export function refuse(
  code: RefusalCode,
  detail: string,
  about?: Readonly<Record<string, unknown>>,
): Refusal {
  return about === undefined
    ? { kind: 'refused', code, detail }
    : { kind: 'refused', code, detail, about };
}
