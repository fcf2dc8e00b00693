/**
 * A grant as clients know it: whose it is, under which token, and how long it is sure to last.
 *
 * Who was never answered does not know the token; then it is known only that it is above all earlier ones,
 * until somebody sees it. A grant is sure until its lease is over, counted from when it was asked for; from
 * then on it may be void at any moment, and nobody says when. `until` allows for clocks that differ.
 */
import { answeredAt, type Operation } from '../history.ts';

/** Who holds it under which token, as an answer says. */
export interface Named {
  readonly holder: string;
  readonly token: number;
}

export interface Grant {
  readonly holder: string;
  /** Null: nobody has heard it yet. */
  readonly token: number | null;
  /** Microseconds, as the history counts them. */
  readonly until: number;
}

/** How much faster than our clock a cluster's may run, over a lease, before we call it wrong. */
const CLOCK_SLACK = 2_000_000;

export function sureUntil(operation: Operation, leaseMs: number): number {
  return operation.calledAt + leaseMs * 1000 - CLOCK_SLACK;
}

/** Whether time alone may have ended the grant before the operation was over. */
export function mayBeVoid(grant: Grant, operation: Operation): boolean {
  return answeredAt(operation) >= grant.until;
}

/** The highest token that is known to have been given. */
export function tokenKnown(grant: Grant, floor: number): number {
  return grant.token ?? floor;
}

/** The grant, now that `token` is said to be its token; undefined: it cannot be. */
export function identified(grant: Grant, token: number, floor: number): Grant | undefined {
  if (grant.token !== null) return grant.token === token ? grant : undefined;
  return token > floor ? { ...grant, token } : undefined;
}

export function describeGrant({ holder, token, until }: Grant): string {
  const number = token === null ? 'a token nobody heard' : `token ${token}`;
  return `held by ${holder}, ${number}, sure until ${until} µs`;
}

type Naming =
  | { readonly kind: 'granted'; readonly token: number }
  | ({ readonly kind: 'refused' | 'taken' | 'held' } & Named)
  | { readonly kind: 'stale' | 'seen'; readonly held: Named | null };

/** Tokens only grow: whether an answer names one whose time is over. `known`: the highest there was. */
export function namesPast(output: { readonly kind: string }, known: number): boolean {
  const { kind } = output;
  if (kind === 'granted') return (output as Naming & { kind: 'granted' }).token <= known;
  const named = namedIn(output as Naming);
  return named !== null && named.token < known;
}

/** Who holds it, as an answer says; null: it does not say. */
function namedIn(output: Naming): Named | null {
  if ('held' in output) return output.held;
  return 'holder' in output ? output : null;
}
