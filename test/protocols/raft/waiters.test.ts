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

test('I8: who was taken is not held, however many others still wait', async () => {
  const waiters = new Waiters<object>();
  waiters.add({});
  const number = waiters.add({});
  const taken = new WeakRef(waiters.take(number) as object);
  expect(await isHeld(taken)).toBe(false);
});
