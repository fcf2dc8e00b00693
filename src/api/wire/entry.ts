/**
 * An entry with its outcome as JSON: the items of streams and of `/v1/log`.
 *
 * ```
 * {index, term, at, type, subject?, data, outcome, facts, results?, of?, refusal?, key?, actor?, trace?}
 * ```
 *
 * `outcome` is `applied`, `refused`, `replayed` or `skipped`; `refusal` says why, `of` where it was applied
 * before. `key` is the idempotency key, `subject` what the command names, when it names one thing.
 */
import { type Entry, packr } from '../../log/command.ts';
import type { Outcome } from '../../projections/outcome.ts';

/** An outcome as members of an object on the wire. */
export interface OutcomeJson {
  readonly outcome: Outcome['kind'];
  readonly facts: readonly object[];
  readonly results?: readonly unknown[] | undefined;
  readonly of?: number;
  readonly refusal?: { readonly code: string; readonly detail: string; readonly about?: unknown };
}

export interface EntryJson extends OutcomeJson {
  readonly index: number;
  readonly term: number;
  readonly at: number;
  readonly type: string;
  readonly subject?: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly key?: string;
  readonly actor?: string;
  readonly trace?: string;
}

/** Fields that name what a command is about; the first that is there counts. */
const SUBJECTS = ['work_id', 'job_id', 'name', 'queue', 'model', 'node_id'] as const;

const NO_FACTS: readonly object[] = [];

type OutcomeForm<Kind extends Outcome['kind']> = (
  outcome: Extract<Outcome, { readonly kind: Kind }>,
) => OutcomeJson;

const FORMS: { readonly [Kind in Outcome['kind']]: OutcomeForm<Kind> } = {
  applied: ({ kind: outcome, facts, results }) => ({ outcome, facts, results }),
  refused: ({ kind: outcome, ...refusal }) => ({ outcome, facts: NO_FACTS, refusal }),
  replayed: ({ kind: outcome, of }) => ({ outcome, facts: NO_FACTS, of }),
  skipped: ({ kind: outcome }) => ({ outcome, facts: NO_FACTS }),
};

export function outcomeJson<Kind extends Outcome['kind']>(
  outcome: Extract<Outcome, { readonly kind: Kind }>,
): OutcomeJson {
  const form: OutcomeForm<Kind> = FORMS[outcome.kind];
  return form(outcome);
}

export function entryJson(entry: Entry, outcome: Outcome): EntryJson {
  const { index, term, at, type, data, actor, trace } = entry;
  return {
    index,
    term,
    at,
    type,
    ...member('subject', subjectOf(data)),
    data,
    ...outcomeJson(outcome),
    ...member('key', keyOf(entry)),
    ...member('actor', actor),
    ...member('trace', trace),
  };
}

/** The same from the outcome's stored bytes. */
export function recordedEntryJson(entry: Entry, outcome: Uint8Array): EntryJson {
  // Outcomes are written by the machine, and their page's checksum was verified.
  return entryJson(entry, packr.unpack(outcome) as Outcome);
}

function subjectOf(data: Readonly<Record<string, unknown>>): string | undefined {
  const name = SUBJECTS.find((field) => typeof data[field] === 'string');
  return name === undefined ? undefined : (data[name] as string);
}

function keyOf({ once }: Entry): string | undefined {
  return once !== undefined && 'key' in once ? once.key : undefined;
}

/** Absent rather than undefined, as JSON would have it. */
function member<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [Key in Name]?: Value } {
  // A computed name widens to string; the record has exactly this one.
  return (value === undefined ? {} : { [name]: value }) as { readonly [Key in Name]?: Value };
}
