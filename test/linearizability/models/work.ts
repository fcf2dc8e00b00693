/**
 * The life of one item of work, claimed by its name.
 *
 * ```
 *            add            claim: token         start
 *  (missing) ───▶ waiting ───────────────▶ held ───────▶ held, started
 *                    ▲ └◀── release, time ──┤                │
 *                    └◀─────────────────────┼────────────────┤
 *                                           └──▶ complete, fail: over, for ever
 * ```
 *
 * At most one holder at a time, each under a higher token; what another token says changes nothing and is
 * told who holds the item.
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

/** What the holder says of it, and how the item stands then. */
const WORDS = {
  start: 'started',
  release: 'waiting',
  complete: 'completed',
  fail: 'failed',
} as const;
type Word = keyof typeof WORDS;
type Over = 'completed' | 'failed';

export type WorkInput =
  | { readonly kind: 'add' }
  | { readonly kind: 'claim'; readonly node: string; readonly lease_ms: number }
  | { readonly kind: Word; readonly token: number }
  | { readonly kind: 'read' };

export type WorkOutput =
  | { readonly kind: 'added' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'granted'; readonly token: number }
  | { readonly kind: 'done' }
  | ({ readonly kind: 'taken' } & Named)
  | { readonly kind: 'stale'; readonly held: Named | null }
  /** It is over, or what is to be started has started: the answer does not say which. */
  | { readonly kind: 'illegal' }
  | Seen;

/** What a reader, or a caller that comes too late or too early, is told. */
type Seen =
  | { readonly kind: 'missing' }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'started' }
  | ({ readonly kind: 'held'; readonly started: boolean } & Named)
  | { readonly kind: 'over'; readonly status: Over };

type WorkState =
  | { readonly kind: 'missing' }
  | { readonly kind: 'waiting'; readonly floor: number }
  | {
      readonly kind: 'held';
      readonly grant: Grant;
      readonly floor: number;
      readonly started: boolean;
    }
  | { readonly kind: 'over'; readonly status: Over };
type Held = Extract<WorkState, { readonly kind: 'held' }>;

type WorkOperation = Operation<WorkInput, WorkOutput>;

function ruled(state: WorkState, operation: WorkOperation): readonly WorkState[] {
  const { input } = operation;
  if (input.kind === 'add') return added(state, outputOf(operation));
  if (input.kind === 'read') return read(state, outputOf(operation));
  if (input.kind === 'claim') return claimed(state, input, operation);
  return said(state, input, outputOf(operation));
}

function added(state: WorkState, output: WorkOutput | undefined): readonly WorkState[] {
  if (state.kind !== 'missing') return output?.kind === 'added' ? [] : [state];
  return output?.kind === 'exists' ? [] : [{ kind: 'waiting', floor: 0 }];
}

function claimed(
  state: WorkState,
  { node, lease_ms }: Extract<WorkInput, { readonly kind: 'claim' }>,
  operation: WorkOperation,
): readonly WorkState[] {
  const output = outputOf(operation);
  if (output?.kind === 'taken') return state.kind === 'held' ? seenHeld(state, output) : [];
  if (output !== undefined && output.kind !== 'granted') return observed(state, output);
  if (state.kind !== 'waiting') return output === undefined ? [state] : [];
  const token = output?.token ?? null;
  if (token !== null && token <= state.floor) return [];
  const grant = { holder: node, token, until: sureUntil(operation, lease_ms) };
  return [{ kind: 'held', grant, floor: state.floor, started: false }];
}

function said(
  state: WorkState,
  { kind, token }: { readonly kind: Word; readonly token: number },
  output: WorkOutput | undefined,
): readonly WorkState[] {
  const grant = state.kind === 'held' ? identified(state.grant, token, state.floor) : undefined;
  const own = grant && state.kind === 'held' ? { ...state, grant } : undefined;
  const led = own === undefined ? undefined : leadsTo(own, kind);
  if (output === undefined) return led === undefined ? [state] : [led, state];
  if (output.kind === 'done') return led === undefined ? [] : [led];
  if (kind === 'start' && own?.started === true)
    return output.kind === 'started' || output.kind === 'illegal' ? [own] : [];
  if (output.kind !== 'stale') return observed(state, output);
  if (output.held === null) return state.kind === 'waiting' ? [state] : [];
  return state.kind === 'held' && output.held.token !== token ? seenHeld(state, output.held) : [];
}

/** Undefined: the item is not in a state for this word. */
function leadsTo({ grant, floor, ...rest }: Held, word: Word): WorkState | undefined {
  const status = WORDS[word];
  if (status === 'started')
    return rest.started ? undefined : { ...rest, grant, floor, started: true };
  if (status === 'waiting') return { kind: 'waiting', floor: tokenKnown(grant, floor) };
  return { kind: 'over', status };
}

function read(state: WorkState, output: WorkOutput | undefined): readonly WorkState[] {
  return output === undefined ? [state] : observed(state, output);
}

function observed(state: WorkState, output: WorkOutput): readonly WorkState[] {
  if (output.kind === 'illegal') return state.kind === 'over' ? [state] : [];
  if (output.kind !== state.kind) return [];
  if (output.kind === 'over' && state.kind === 'over')
    return output.status === state.status ? [state] : [];
  if (output.kind === 'held' && state.kind === 'held')
    return output.started === state.started ? seenHeld(state, output) : [];
  return [state];
}

function seenHeld(state: Held, { holder, token }: Named): readonly WorkState[] {
  if (state.grant.holder !== holder) return [];
  const grant = identified(state.grant, token, state.floor);
  return grant === undefined ? [] : [{ ...state, grant }];
}

function outputOf({ answer }: WorkOperation): WorkOutput | undefined {
  return answer.kind === 'answered' ? answer.output : undefined;
}

/** The state, and what time may have made of it. */
function standings(state: WorkState, operation: WorkOperation): readonly WorkState[] {
  if (state.kind !== 'held' || !mayBeVoid(state.grant, operation)) return [state];
  return [state, { kind: 'waiting', floor: tokenKnown(state.grant, state.floor) }];
}

export const WORK: Model<WorkState, WorkInput, WorkOutput> = {
  initial: { kind: 'missing' },
  step: (state, operation) =>
    standings(state, operation).flatMap((standing) => ruled(standing, operation)),
  isLost: (state, { answer }) => {
    if (answer.kind === 'open' || !('floor' in state)) return false;
    const { floor } = state;
    return namesPast(answer.output, state.kind === 'held' ? tokenKnown(state.grant, floor) : floor);
  },
  onlyLooked: ({ answer }) =>
    answer.kind === 'answered' && !['added', 'granted', 'done'].includes(answer.output.kind),
  describe: (state) => {
    if (state.kind === 'waiting') return `waiting, tokens above ${state.floor}`;
    if (state.kind === 'over') return state.status;
    if (state.kind === 'missing') return 'missing';
    const { grant, floor, started } = state;
    return `${started ? 'started, ' : ''}${describeGrant(grant)}, tokens above ${floor}`;
  },
  tell: (input) => {
    if (input.kind === 'claim') return `claim by ${input.node}`;
    return 'token' in input ? `${input.kind} with ${input.token}` : input.kind;
  },
  hear: (output) => {
    const { kind, ...rest } = output;
    const words = Object.entries(rest).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
    return [kind, ...words].join(' ');
  },
};
