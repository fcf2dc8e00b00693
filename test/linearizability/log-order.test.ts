import { expect, test } from 'vitest';
import type { Operation } from './history.ts';
import { findInversion } from './log-order.ts';

function operation(calledAt: number, at: number | null, index: number | null): Operation {
  const answer: Operation['answer'] =
    at === null ? { kind: 'open' } : { kind: 'answered', at, output: { index } };
  return { id: calledAt, client: 'c', key: `key/${calledAt}`, input: {}, calledAt, answer };
}

function indexOf({ answer }: Operation): number | undefined {
  if (answer.kind === 'open') return undefined;
  return (answer.output as { readonly index: number | null }).index ?? undefined;
}

test('an operation that began after another was over may not stand before it in the log, whatever its key', () => {
  const [early, late] = [operation(1, 5, 20), operation(6, 9, 19)];
  expect(findInversion([late, early], indexOf)).toEqual({ earlier: early, later: late });
  const again = operation(6, 9, 20);
  expect(findInversion([early, again], indexOf)).toEqual({ earlier: early, later: again });
});

test('operations under way together, without an entry, or without an answer accuse nobody', () => {
  const right = [
    operation(1, 5, 20),
    operation(2, 6, 19),
    operation(5, 7, 18),
    operation(8, 9, null),
    operation(10, null, 1),
    operation(11, 12, 21),
  ];
  expect(findInversion(right, indexOf)).toBeUndefined();
});

test('the highest index so far is remembered, not only the last one', () => {
  const first = operation(1, 2, 100);
  const wrong = operation(9, 10, 99);
  const others = [operation(3, 4, 101), operation(3, 5, 90), wrong];
  expect(findInversion([first, operation(1, 3, 50), ...others], indexOf)?.later).toBe(others[1]);
});
