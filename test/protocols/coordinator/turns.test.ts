import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns, type Urgency } from '../../../src/protocols/coordinator/turns.ts';

/** Work that ends when it is told to, and says when it begins. */
function stage(turns: Turns): {
  readonly began: string[];
  readonly ask: (name: string, urgency: Urgency) => Promise<string>;
  readonly end: (name: string) => void;
} {
  const began: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = (name: string, urgency: Urgency): Promise<string> =>
    turns.take(urgency, async () => {
      began.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      return name;
    });
  return { began, ask, end: (name) => ends.get(name)?.() };
}

test('only so many run at once, and what is urgent goes before what is patient', async () => {
  const turns = new Turns(2);
  const { began, ask, end } = stage(turns);
  const all = [ask('a', 'patient'), ask('b', 'patient'), ask('c', 'patient'), ask('d', 'urgent')];
  await turn();
  expect([began, turns.waiting]).toEqual([['a', 'b'], 2]);
  end('a');
  await turn();
  expect(began).toEqual(['a', 'b', 'd']);
  for (const name of ['b', 'd']) end(name);
  await turn();
  end('c');
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
});

test('a turn that ends badly is passed on like any other', async () => {
  const turns = new Turns(1);
  const bad = turns.take('patient', () => Promise.reject(new Error('torn')));
  const good = turns.take('patient', () => Promise.resolve('well'));
  await expect(bad).rejects.toThrow('torn');
  expect(await good).toBe('well');
});
