/**
 * A resource with an ETag: each change gives it a higher one, and a write may say which it must still have
 * (`If-Match`; 0 is `If-None-Match: *`: there must be none yet).
 *
 * ```
 *  put value, if 17 ─▶ written 42      the ETag was 17, and is 42
 *                   ─▶ changed 23      the ETag was 23, and is
 *  read             ─▶ value, 42
 * ```
 */
import type { Model } from '../model.ts';

export type GuardedInput =
  | { readonly kind: 'read' }
  /** `if`: null: unconditional. */
  | { readonly kind: 'put'; readonly value: number; readonly if: number | null };

export type GuardedOutput =
  | { readonly kind: 'written'; readonly index: number }
  | { readonly kind: 'changed'; readonly index: number }
  | { readonly kind: 'seen'; readonly index: number; readonly value: number };

interface GuardedState {
  /** Null: there is none. */
  readonly value: number | null;
  /** Null: whoever wrote it heard nothing. 0: there is none. */
  readonly index: number | null;
  /** The ETag is at least this. */
  readonly floor: number;
}

/** What a read answers that finds nothing. */
export const NOTHING: GuardedOutput = { kind: 'seen', index: 0, value: 0 };

function withIndex(state: GuardedState, index: number): GuardedState | undefined {
  if (state.index !== null) return state.index === index ? state : undefined;
  return index > state.floor ? { ...state, index, floor: index } : undefined;
}

function read(state: GuardedState, index: number, value: number): readonly GuardedState[] {
  const found = withIndex(state, index);
  return found !== undefined && (found.value ?? 0) === value ? [found] : [];
}

type Put = Extract<GuardedInput, { readonly kind: 'put' }>;

/** As it was before a put that took effect; undefined: its condition was not met. */
function met(state: GuardedState, { if: wanted }: Put): GuardedState | undefined {
  return wanted === null ? state : withIndex(state, wanted);
}

function put(
  state: GuardedState,
  input: Put,
  output: GuardedOutput | undefined,
): readonly GuardedState[] {
  const before = met(state, input);
  if (output?.kind === 'changed') {
    const found = output.index === input.if ? undefined : withIndex(state, output.index);
    return found === undefined || input.if === null ? [] : [found];
  }
  if (before === undefined) return output === undefined ? [state] : [];
  const written = { value: input.value, index: null, floor: before.floor };
  if (output === undefined) return input.if === null ? [written] : [written, state];
  const index = output.kind === 'written' ? withIndex(written, output.index) : undefined;
  return index === undefined ? [] : [index];
}

export const GUARDED: Model<GuardedState, GuardedInput, GuardedOutput> = {
  initial: { value: null, index: 0, floor: 0 },
  step: (state, { input, answer }) => {
    const output = answer.kind === 'answered' ? answer.output : undefined;
    if (input.kind === 'put') return put(state, input, output);
    if (output === undefined) return [state];
    return output.kind === 'seen' ? read(state, output.index, output.value) : [];
  },
  // ETags only grow.
  isLost: ({ floor }, { answer }) => {
    if (answer.kind === 'open') return false;
    const { kind, index } = answer.output;
    return kind === 'written' ? index <= floor : index < floor;
  },
  onlyLooked: ({ answer }) => answer.kind === 'answered' && answer.output.kind !== 'written',
  describe: ({ value, index, floor }) => `${value ?? 'nothing'}, ETag ${index ?? `above ${floor}`}`,
  tell: (input) => {
    if (input.kind === 'read') return 'read';
    return input.if === null ? `put ${input.value}` : `put ${input.value} if ${input.if}`;
  },
  hear: (output) =>
    output.kind === 'seen'
      ? `${output.value}, ETag ${output.index}`
      : `${output.kind}, ETag ${output.index}`,
};
