import { expect, test } from 'vitest';
import type { Outcome } from '../../../src/projections/outcome.ts';
import { Answering, type AnsweringOptions } from '../../../src/protocols/coordinator/answering.ts';
import type { Engine, Proposed } from '../../../src/protocols/engine.ts';
import { isHeld } from '../../collect.ts';
import { VirtualClock } from '../virtual-clock.ts';

const COMMAND = { type: 'add', data: {} };

/** What an engine is asked here is told by the test, when it likes. */
class Engines {
  readonly asked: Question<Proposed>[] = [];

  readonly engine = (): Engine => {
    const propose = (): Promise<Proposed> => this.#ask();
    const status = (): unknown => ({ leader_id: 'node-1' });
    return { propose, status } as unknown as Engine;
  };

  #ask(): Promise<Proposed> {
    let [resolve, reject]: [(proposed: Proposed) => void, (error: Error) => void] = [
      () => undefined,
      () => undefined,
    ];
    const promise = new Promise<Proposed>((...both) => {
      [resolve, reject] = both;
    });
    this.asked.push({ promise, resolve, reject });
    return promise;
  }
}

interface Question<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: Error) => void;
}

function answeringOf(engines: Engines): Answering {
  const unasked = {} as Pick<AnsweringOptions, 'machine' | 'history'>;
  const clock = new VirtualClock();
  return new Answering({ ...unasked, clock, now: () => 0, engine: engines.engine });
}

function noted(answering: Answering, index: number): WeakRef<object> {
  const outcome: Outcome = { kind: 'applied', facts: [] };
  answering.note(index, outcome);
  return new WeakRef(outcome);
}

test('I8: what an entry led to is held while somebody may wait for it, and not where nobody does', async () => {
  const engines = new Engines();
  const answering = answeringOf(engines);
  expect(await isHeld(noted(answering, 1))).toBe(false);

  const answer = answering.propose(COMMAND, 'data', 0);
  expect(await isHeld(noted(answering, 2))).toBe(true);
  engines.asked[0]?.resolve({ kind: 'committed', index: 2, term: 1 });
  expect(await answer).toMatchObject({ kind: 'answered', index: 2, outcome: { kind: 'applied' } });
  expect(await isHeld(noted(answering, 3))).toBe(false);

  const failing = answering.propose(COMMAND, 'data', 0);
  engines.asked[1]?.reject(new Error('the engine failed'));
  await expect(failing).rejects.toThrow('the engine failed');
  expect(await isHeld(noted(answering, 4))).toBe(false);
  answering.stop();
});
