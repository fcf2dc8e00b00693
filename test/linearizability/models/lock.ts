/**
 * A lock: free or held under a token, and every token higher than all before it, for ever.
 *
 * ```
 *  acquire   free, or its own ─▶ granted a higher token        held by another ─▶ refused, naming it
 *  renew     held under this token ─▶ done                     else ─▶ stale, naming who holds it
 *  release   held under this token ─▶ done, free               else ─▶ stale, naming who holds it
 *  read      free, or who holds it under which token
 *  time      past its lease a grant may be gone
 * ```
 */
import type { Operation } from '../history.ts';
import type { Model } from '../model.ts';
import {
  describeGrant,
  type Grant,
  identified,
  mayBeVoid,
  type Named,
  namesPast,
  sureUntil,
  tokenKnown,
} from './grant.ts';

export type LockInput =
  | { readonly kind: 'acquire'; readonly owner: string; readonly lease_ms: number }
  | {
      readonly kind: 'renew';
      readonly owner: string;
      readonly token: number;
      readonly lease_ms: number;
    }
  | { readonly kind: 'release'; readonly owner: string; readonly token: number }
  | { readonly kind: 'read' };

export type LockOutput =
  | { readonly kind: 'granted'; readonly token: number }
  | ({ readonly kind: 'refused' } & Named)
  | { readonly kind: 'done' }
  | { readonly kind: 'stale'; readonly held: Named | null }
  | { readonly kind: 'seen'; readonly held: Named | null };

interface LockState {
  readonly grant: Grant | undefined;
  /** No token given from now on is as low. */
  readonly floor: number;
}

type LockOperation = Operation<LockInput, LockOutput>;
type Asked<Kind extends LockInput['kind']> = Extract<LockInput, { readonly kind: Kind }>;
type Rule<Kind extends LockInput['kind']> = (
  state: LockState,
  input: Asked<Kind>,
  operation: LockOperation,
) => readonly LockState[];

const RULES: { readonly [Kind in LockInput['kind']]: Rule<Kind> } = {
  acquire: (state, input, operation) => {
    const { grant, floor } = state;
    const { owner, lease_ms } = input;
    const output = outputOf(operation);
    const isTaken = grant !== undefined && grant.holder !== owner;
    const until = sureUntil(operation, lease_ms);
    const known = grant === undefined ? floor : tokenKnown(grant, floor);
    if (output === undefined)
      return isTaken ? [state] : [{ grant: { holder: owner, token: null, until }, floor: known }];
    if (output.kind === 'refused') return isTaken ? seen(state, output) : [];
    if (output.kind !== 'granted' || isTaken || output.token <= known) return [];
    return [{ grant: { holder: owner, token: output.token, until }, floor: known }];
  },
  renew: (state, input, operation) =>
    held(state, input, operation, (grant) => {
      const until = Math.max(grant.until, sureUntil(operation, input.lease_ms));
      return { ...state, grant: { ...grant, until } };
    }),
  release: (state, input, operation) =>
    held(state, input, operation, ({ token }) => ({
      grant: undefined,
      floor: Math.max(state.floor, token ?? 0),
    })),
  read: (state, _input, operation) => {
    const output = outputOf(operation);
    if (output === undefined) return [state];
    return output.kind === 'seen' ? seen(state, output.held) : [];
  },
};

/** What needs the current token: `changed` where the caller has it; else it is told who has. */
function held(
  state: LockState,
  { owner, token }: { readonly owner: string; readonly token: number },
  operation: LockOperation,
  changed: (grant: Grant) => LockState,
): readonly LockState[] {
  const output = outputOf(operation);
  const grant = state.grant?.holder === owner ? state.grant : undefined;
  const own = grant && identified(grant, token, state.floor);
  if (output === undefined) return own === undefined ? [state] : [changed(own), state];
  if (output.kind === 'done') return own === undefined ? [] : [changed(own)];
  if (output.kind !== 'stale') return [];
  const isItsOwn = output.held?.holder === owner && output.held.token === token;
  return isItsOwn ? [] : seen(state, output.held);
}

/** The state in which an answer may say this. */
function seen(state: LockState, named: Named | null): readonly LockState[] {
  if (named === null) return state.grant === undefined ? [state] : [];
  if (state.grant?.holder !== named.holder) return [];
  const grant = identified(state.grant, named.token, state.floor);
  return grant === undefined ? [] : [{ ...state, grant }];
}

function outputOf({ answer }: LockOperation): LockOutput | undefined {
  return answer.kind === 'answered' ? answer.output : undefined;
}

/** The state, and what time may have made of it. */
function standings(state: LockState, operation: LockOperation): readonly LockState[] {
  const { grant, floor } = state;
  if (grant === undefined || !mayBeVoid(grant, operation)) return [state];
  return [state, { grant: undefined, floor: tokenKnown(grant, floor) }];
}

function ruled<Kind extends LockInput['kind']>(
  state: LockState,
  input: Asked<Kind>,
  operation: LockOperation,
): readonly LockState[] {
  const rule: Rule<Kind> = RULES[input.kind];
  return rule(state, input, operation);
}

export const LOCK: Model<LockState, LockInput, LockOutput> = {
  initial: { grant: undefined, floor: 0 },
  step: (state, operation) =>
    standings(state, operation).flatMap((standing) => ruled(standing, operation.input, operation)),
  isLost: ({ grant, floor }, { answer }) =>
    answer.kind === 'answered' &&
    namesPast(answer.output, grant === undefined ? floor : tokenKnown(grant, floor)),
  onlyLooked: ({ answer }) =>
    answer.kind === 'answered' && ['refused', 'stale', 'seen'].includes(answer.output.kind),
  describe: ({ grant, floor }) =>
    `${grant === undefined ? 'free' : describeGrant(grant)}, tokens above ${floor}`,
  tell: (input) => {
    if (input.kind === 'read') return 'read';
    const { kind, owner } = input;
    return 'token' in input ? `${kind} ${input.token} by ${owner}` : `${kind} by ${owner}`;
  },
  hear: (output) => {
    if (output.kind === 'granted') return `granted token ${output.token}`;
    if (output.kind === 'done') return 'done';
    return `${output.kind}: ${tellNamed(output.kind === 'refused' ? output : output.held)}`;
  },
};

function tellNamed(named: Named | null): string {
  return named === null ? 'nobody holds it' : `held by ${named.holder}, token ${named.token}`;
}
