/** Histories as they are generated: commands of every type, retries, conditions, time, changes of leader. */
import * as fc from 'fast-check';
import type { Command } from '../../src/log/command.ts';
import { anyIntent, type Intent } from './command-table.ts';

/** One step of a history: time goes by, something may happen by itself, then a command is proposed. */
export interface Step {
  readonly pause: number;
  readonly intent: Intent;
  readonly extras: Partial<Pick<Command, 'once' | 'actor' | 'if_index'>>;
  readonly before: 'nothing' | 'duties' | 'election' | 'unknown type';
}

const mark = fc.oneof(
  fc.record({
    key: fc.constantFrom('k1', 'k2', 'k3', 'k4'),
    print: fc.constantFrom('p', 'p', 'q'),
  }),
  fc.record({ session: fc.integer({ min: 1, max: 40 }), seq: fc.integer({ min: 1, max: 4 }) }),
);

const extras = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 3, arbitrary: fc.record({ actor: fc.constantFrom('ann', 'bob'), once: mark }) },
  { weight: 1, arbitrary: fc.record({ if_index: fc.nat(30) }) },
);

export const anyStep: fc.Arbitrary<Step> = fc.record({
  pause: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(0, 1, 700, 5_000) },
    { weight: 3, arbitrary: fc.constantFrom(25_000, 70_000) },
    { weight: 1, arbitrary: fc.constantFrom(700_000, 3_700_000, 90_000_000) },
  ),
  intent: anyIntent,
  extras,
  before: fc.oneof(
    { weight: 8, arbitrary: fc.constant('nothing' as const) },
    { weight: 2, arbitrary: fc.constant('duties' as const) },
    { weight: 1, arbitrary: fc.constantFrom('election' as const, 'unknown type' as const) },
  ),
});
