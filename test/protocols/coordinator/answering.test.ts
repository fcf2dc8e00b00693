import { setImmediate } from 'node:timers/promises';
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

function answeringOf(engines: Engines, clock = new VirtualClock()): Answering {
  const unasked = {} as Pick<AnsweringOptions, 'machine' | 'history'>;
  return new Answering({ ...unasked, clock, now: () => 0, engine: engines.engine });
}

function noted(answering: Answering, index: number): WeakRef<object> {
  const outcome: Outcome = { kind: 'applied', facts: [] };
  answering.note(index, outcome);
  return new WeakRef(outcome);
}

test('I8: what an entry led to is held while somebody may wait for it, and not where nobody does', async () => {
  const engines = new Engines();
  const clock = new VirtualClock();
  const answering = answeringOf(engines, clock);
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

  const refused = answering.propose(COMMAND, 'data', 0);
  engines.asked[2]?.resolve({ kind: 'refused', code: 'no-leader' });
  expect(await refused).toEqual({ kind: 'refused', code: 'no-leader' });
  expect(await isHeld(noted(answering, 5))).toBe(false);

  const again = answering.propose(COMMAND, 'data', 1000);
  engines.asked[3]?.resolve({ kind: 'refused', code: 'no-leader' });
  await setImmediate();
  await clock.advance(500);
  engines.asked[4]?.reject(new Error('the next leader failed'));
  await expect(again).rejects.toThrow('the next leader failed');
  expect(await isHeld(noted(answering, 6))).toBe(false);
  answering.stop();
});

test('an engine that cannot be asked is a promise that fails, and holds nothing', async () => {
  const unasked = {} as Pick<AnsweringOptions, 'machine' | 'history'>;
  const engine = (): Engine => {
    throw new Error('the group has no engine');
  };
  const answering = new Answering({ ...unasked, clock: new VirtualClock(), now: () => 0, engine });
  const asked = answering.propose(COMMAND, 'data', 0);
  await expect(asked).rejects.toThrow('the group has no engine');
  expect(await isHeld(noted(answering, 1))).toBe(false);
});
