import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Waiters } from '../../../src/protocols/raft/waiters.ts';
import { isHeld } from '../../collect.ts';

test('each is taken once, by its number, in whatever order; what was never given has nobody', () => {
  const waiters = new Waiters<string>();
  const [ann, bob, cid] = [waiters.add('ann'), waiters.add('bob'), waiters.add('cid')];
  expect(waiters.take(bob)).toBe('bob');
  expect([waiters.take(bob), waiters.take(0), waiters.take(-1), waiters.take(cid + 1)]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(waiters.takeAll()).toEqual(['ann', 'cid']);
  expect([waiters.size, waiters.take(ann), waiters.takeAll()]).toEqual([0, undefined, []]);
  expect(waiters.add('dan')).toBeGreaterThan(cid);
});

test('they answer as a map of numbers does', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30), { maxLength: 300 }), (steps) => {
      const waiters = new Waiters<number>();
      const plain = new Map<number, number>();
      let newest = 0;
      for (const step of steps) {
        if (step < 15) {
          newest = waiters.add(step);
          plain.set(newest, step);
        } else {
          const number = newest - (step - 15);
          expect(waiters.take(number)).toBe(plain.get(number));
          plain.delete(number);
        }
        expect(waiters.size).toBe(plain.size);
      }
      expect(waiters.takeAll()).toEqual([...plain.values()]);
    }),
  );
});

test('I8: some wait on and on while a million others come and go: places stay few, and each is found', () => {
  const waiters = new Waiters<string>();
  const patient = Array.from({ length: 10 }, (_, at) => {
    for (let count = 0; count < 50; count++) waiters.take(waiters.add('before'));
    return { number: waiters.add(`patient ${at}`), name: `patient ${at}` };
  });
  let most = 0;
  for (let count = 0; count < 1_000_000; count++) {
    waiters.take(waiters.add('hasty'));
    most = Math.max(most, waiters.places);
  }
  expect(most).toBeLessThan(1_100);
  for (const { number, name } of patient.slice(5)) expect(waiters.take(number)).toBe(name);
  expect(waiters.size).toBe(5);
  waiters.add('newest');
  const left = patient.slice(0, 5).map(({ name }) => name);
  expect(waiters.takeAll()).toEqual([...left, 'newest']);
});

function takenFrom(waiters: Waiters<object>): WeakRef<object> {
  const number = waiters.add({});
  return new WeakRef(waiters.take(number) as object);
}

test('I8: who was taken is not held, however many others still wait', async () => {
  const waiters = new Waiters<object>();
  waiters.add({});
  expect(await isHeld(takenFrom(waiters))).toBe(false);
  expect(waiters.size).toBe(1);
});
