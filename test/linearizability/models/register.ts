/** A register: a value that is read, written, and exchanged if it is as expected. */
import type { Model } from '../model.ts';

export type RegisterInput =
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly value: number }
  | { readonly kind: 'exchange'; readonly expected: number; readonly value: number };

/** Of a read: the value. Of an exchange: whether the value was as expected. */
export type RegisterOutput =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'written' }
  | { readonly kind: 'exchanged' }
  | { readonly kind: 'unexpected' };

export const REGISTER: Model<number, RegisterInput, RegisterOutput> = {
  initial: 0,
  step: (value, { input, answer }) => {
    const output = answer.kind === 'answered' ? answer.output : undefined;
    if (input.kind === 'read')
      return output === undefined || (output.kind === 'value' && output.value === value)
        ? [value]
        : [];
    if (input.kind === 'write') return [input.value];
    const isExpected = input.expected === value;
    if (output !== undefined && (output.kind === 'exchanged') !== isExpected) return [];
    return [isExpected ? input.value : value];
  },
  isLost: () => false,
  onlyLooked: ({ answer }) =>
    answer.kind === 'answered' && ['value', 'unexpected'].includes(answer.output.kind),
  describe: (value) => `value ${value}`,
  tell: (input) => {
    if (input.kind === 'read') return 'read';
    if (input.kind === 'write') return `write ${input.value}`;
    return `exchange ${input.expected} for ${input.value}`;
  },
  hear: (output) => (output.kind === 'value' ? `value ${output.value}` : output.kind),
};
