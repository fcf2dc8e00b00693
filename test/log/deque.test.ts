import { expect, test } from 'vitest';
import { Deque } from '../../src/log/deque.ts';
import { isHeld } from '../collect.ts';

test('a deque keeps its order however it is used', () => {
  const deque = new Deque<number>();
  const model: number[] = [];
  for (let step = 0; step < 5_000; step++) {
    deque.push(step);
    model.push(step);
    if (step % 3 === 0) expect(deque.shift()).toBe(model.shift());
    if (step % 7 === 0) expect(deque.pop()).toBe(model.pop());
    if (step === 2_500) while (model.length > 3) expect(deque.shift()).toBe(model.shift());
    expect([deque.length, deque.at(0), deque.at(-1)]).toEqual([
      model.length,
      model[0],
      model.at(-1),
    ]);
  }
  deque.clear();
  expect([deque.length, deque.at(-1), deque.shift(), deque.pop()]).toEqual([
    0,
    undefined,
    undefined,
    undefined,
  ]);
});

test('an item may take the place of another', () => {
  const deque = new Deque<string>();
  for (const item of ['a', 'b', 'c']) deque.push(item);
  deque.shift();
  deque.set(1, 'd');
  expect([deque.shift(), deque.shift(), deque.shift()]).toEqual(['b', 'd', undefined]);
});

function takenFrom(deque: Deque<object>): WeakRef<object> {
  return new WeakRef(deque.shift() as object);
}

test('I8: what is taken is not held, though its place is cut off later', async () => {
  const deque = new Deque<object>();
  for (let count = 0; count < 10; count++) deque.push({});
  expect(await isHeld(takenFrom(deque))).toBe(false);
  expect(deque.length).toBe(9);
});
