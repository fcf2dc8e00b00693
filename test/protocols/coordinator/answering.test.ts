import { expect, test } from 'vitest';
import type { Outcome } from '../../../src/projections/outcome.ts';
import { Answering, type AnsweringOptions } from '../../../src/protocols/coordinator/answering.ts';
import { isHeld } from '../../collect.ts';
import { VirtualClock } from '../virtual-clock.ts';

function noted(answering: Answering): WeakRef<object> {
  const outcome: Outcome = { kind: 'applied', facts: [] };
  answering.note(1, outcome);
  return new WeakRef(outcome);
}

test('I8: what an entry led to is not held where nobody waits for it', async () => {
  const unasked = {} as Pick<AnsweringOptions, 'machine' | 'history'>;
  const answering = new Answering({
    ...unasked,
    clock: new VirtualClock(),
    now: () => 0,
    engine: () => {
      throw new Error('nothing was proposed');
    },
  });
  expect(await isHeld(noted(answering))).toBe(false);
  answering.stop();
});
