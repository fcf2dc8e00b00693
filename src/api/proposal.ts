/**
 * The door every command of a client goes through, whatever it came in by: known here, meant for clients,
 * valid. And the way back: an answer becomes an object on the wire, or a problem.
 */
import type { Fact, Outcome } from '../projections/outcome.ts';
import type { CommandRule } from '../projections/projection.ts';
import { rulesInForce } from '../projections/rules.ts';
import type { Answer } from '../protocols/coordinator/answer.ts';
import type { Group } from '../protocols/coordinator/group.ts';
import { faultsOf, type Locate } from './faults.ts';
import { type OutcomeJson, outcomeJson } from './wire/entry.ts';
import { invalid, problem, type Problem, type ProblemCode } from './wire/problem.ts';

/** Who asks where no tokens are configured: whoever can reach this machine's own interface. */
export const LOOPBACK_ACTOR = 'loopback';

export type Prepared =
  | {
      readonly kind: 'prepared';
      readonly rule: CommandRule;
      readonly data: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'problem'; readonly problem: Problem };

export interface Proposal {
  readonly type: string;
  readonly data: unknown;
}

/** Where the parts of a proposal lie in the request, for pointers. */
export interface Places {
  readonly type: string;
  readonly data: Locate;
}

/** Parses the data with the command's schema, and refuses what no client may propose. */
export function prepare(group: Group, { type, data }: Proposal, places: Places): Prepared {
  const rule = group.machine.command(type);
  if (rule === undefined) return refused(unknownType(type, places));
  const forbidden = notForClients(group, type, rule);
  if (forbidden !== undefined) return refused(forbidden);
  const parsed = rule.schema.safeParse(data);
  return parsed.success
    ? { kind: 'prepared', rule, data: parsed.data }
    : refused(invalid(faultsOf(parsed.error.issues, places.data)));
}

function refused(found: Problem): Prepared {
  return { kind: 'problem', problem: found };
}

function unknownType(type: string, { type: pointer }: Places): Problem {
  return invalid([{ pointer, code: 'unknown', detail: `there is no command ${type}` }]);
}

function notForClients(group: Group, type: string, rule: CommandRule): Problem | undefined {
  if (rule.origin !== 'client')
    return problem('forbidden', `${type} is proposed by the cluster itself`);
  const rules = rulesInForce(group.machine.tables);
  return rule.since > rules
    ? problem('upgrade-required', `${type} needs rules version ${rule.since}`, { rules })
    : undefined;
}

/** What a write led to, as its caller sees it. */
export interface Written extends OutcomeJson {
  readonly index: number;
  readonly term: number;
  /** The fencing token of what was granted, where something was. */
  readonly token?: number | undefined;
  /** What was claimed, as it is now. */
  readonly claimed?: readonly object[];
  /** Decided, and not written. */
  readonly dry_run?: boolean;
}

export type Answered =
  | { readonly kind: 'written'; readonly written: Written; readonly replayed: boolean }
  | { readonly kind: 'problem'; readonly problem: Problem; readonly replayed: boolean };

type Said<Kind extends Answer['kind']> = Extract<Answer, { readonly kind: Kind }>;

const ANSWERS: { readonly [Kind in Answer['kind']]: (answer: Said<Kind>) => Answered } = {
  answered: ({ outcome, index, term, replayed }) => ledTo(outcome, { index, term, replayed }),
  refused: ({ kind: _kind, code, ...members }) => failed(problem(code, REASONS[code], members)),
  unknown: () => failed(commitUnknown()),
};

/** Turns an answer into what its caller sees. */
export function answered<Kind extends Answer['kind']>(answer: Said<Kind>): Answered {
  const form: (answer: Said<Kind>) => Answered = ANSWERS[answer.kind];
  return form(answer);
}

type EngineCode = Said<'refused'>['code'];

const REASONS: { readonly [Code in EngineCode]: string } = {
  backpressure: 'the log takes no more for the moment; nothing was written',
  'too-large': 'a command has at most 1 MiB',
  'not-leader': 'this node does not lead the group',
  'no-leader': 'the group has no leader at the moment',
  recovering: 'this node is still reading its log',
  'shutting-down': 'this node is stopping; ask another',
  'idempotency-in-flight': 'a request with this key has not been answered yet',
} satisfies { readonly [Code in EngineCode & ProblemCode]: string };

export function commitUnknown(): Problem {
  return problem(
    'commit-unknown',
    'it may be applied, or not; ask again with the same idempotency key to find out',
  );
}

function failed(found: Problem): Answered {
  return { kind: 'problem', problem: found, replayed: false };
}

interface Place {
  readonly index: number;
  readonly term: number;
  /** True when that is where the command had been applied before. */
  readonly replayed: boolean;
}

type Leading<Kind extends Outcome['kind']> = (
  outcome: Extract<Outcome, { readonly kind: Kind }>,
  place: Place,
) => Answered;

const LEADING: { readonly [Kind in Outcome['kind']]: Leading<Kind> } = {
  applied: ({ kind: outcome, facts, results }, { index, term, replayed }) => {
    const written = { index, term, outcome, facts, results, token: grantedToken(facts) };
    return { kind: 'written', written, replayed };
  },
  replayed: (outcome, { index, term, replayed }) => {
    return { kind: 'written', written: { index, term, ...outcomeJson(outcome) }, replayed };
  },
  refused: ({ code, detail, about }, { index, replayed }) => {
    return { kind: 'problem', problem: problem(code, detail, { index, ...about }), replayed };
  },
  skipped: ({ type }, { replayed }) => {
    return {
      kind: 'problem',
      problem: problem('upgrade-required', `${type} was skipped`),
      replayed,
    };
  },
};

/** An outcome at a place in the log, as its caller sees it. */
export function ledTo<Kind extends Outcome['kind']>(
  outcome: Extract<Outcome, { readonly kind: Kind }>,
  place: Place,
): Answered {
  const leading: Leading<Kind> = LEADING[outcome.kind];
  return leading(outcome, place);
}

/** The highest: a claim may first tell of the end of the one before it, by its old token. */
function grantedToken(facts: readonly Fact[]): number | undefined {
  let highest: number | undefined;
  for (const fact of facts) if (isGrant(fact)) highest = Math.max(highest ?? 0, fact.token);
  return highest;
}

function isGrant(fact: Fact): fact is Fact & { readonly token: number } {
  return 'token' in fact && typeof fact.token === 'number';
}
