/** The checker finds what cannot be, and shows the few operations in which one sees it. */
import { assert, constantFrom, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { endingOf } from './frontier.ts';
import type { Operation } from './history.ts';
import { modelOf } from './models/models.ts';
import { pictureOf } from './picture.ts';
import { type Plant, PLANTS } from './planted.ts';
import { simulatedHistory } from './simulated-history.ts';
import { check, untilMoment, type Verdict, type Violation } from './verdict.ts';
import { findOrder } from './wgl.ts';

const SEEDS = 60;

/** A history with the violation in it, from the first seed at or after `seed` that has a place for it. */
function planted([plant, kind]: readonly [Plant, string], seed: number): readonly Operation[] {
  for (let tried = seed; ; tried += 1_000_000) {
    const shape = { clients: 5, keys: 3, operations: 300, openPercent: 2, kinds: [kind] };
    const found = plant(simulatedHistory({ seed: tried, ...shape }));
    if (found !== undefined) return found;
  }
}

function violationIn(verdict: Verdict): Violation {
  if (verdict.kind !== 'violation') throw new Error(`no violation found: ${verdict.kind}`);
  return verdict.violation;
}

test.each(Object.entries(PLANTS))('%s is found, wherever it is', (_name, plant) => {
  for (let seed = 1; seed <= SEEDS; seed += 1)
    expect(check(planted(plant, seed), modelOf).kind, `seed ${seed}`).toBe('violation');
});

test('one violation among two hundred objects is found, on its object', () => {
  const operations = simulatedHistory({
    seed: 3,
    clients: 24,
    keys: 200,
    operations: 40_000,
    openPercent: 1,
  });
  const [holder, second] = operations.filter((one) => one.key === 'work/3' && isGranted(one));
  if (holder === undefined || second === undefined) throw new Error('nobody claimed work/3');
  const twice = operations.map((one) => (one === second ? withOutput(one, holder) : one));
  const { key } = violationIn(check(twice, modelOf));
  expect(key).toBe('work/3');
});

function isGranted({ answer }: Operation): boolean {
  return answer.kind === 'answered' && (answer.output as { kind: string }).kind === 'granted';
}

test('search and frontier agree on histories in which any answer was exchanged for another', () => {
  const kinds = ['lock', 'work', 'queue'];
  const found = { order: 0, none: 0 };
  assert(
    property(integer(), integer(), constantFrom(...kinds), (seed, place, kind) => {
      const right = simulatedHistory({
        seed,
        clients: 4,
        keys: 1,
        operations: 40,
        openPercent: 5,
        kinds: [kind],
      });
      const operations = withSwappedAnswers(right, Math.abs(place));
      const model = modelOf(kind);
      const searched = findOrder(operations, model).kind;
      const ending = endingOf(operations, model).kind;
      expect(searched).toBe(ending === 'explained' ? 'order' : 'none');
      if (searched !== 'budget') found[searched] += 1;
    }),
    { numRuns: 600 },
  );
  expect(found.order).toBeGreaterThan(30);
  expect(found.none).toBeGreaterThan(30);
});

/** Two answers to the same kind of question change places. */
function withSwappedAnswers(operations: readonly Operation[], place: number): readonly Operation[] {
  const answered = operations.filter(({ answer }) => answer.kind === 'answered');
  const one = answered[place % answered.length];
  const kindOf = (operation: Operation): unknown => (operation.input as { kind: string }).kind;
  const other = answered.find(
    (it) => it !== one && one !== undefined && kindOf(it) === kindOf(one),
  );
  if (one === undefined || other === undefined) return operations;
  return operations.map((operation) => {
    if (operation === one) return withOutput(operation, other);
    return operation === other ? withOutput(operation, one) : operation;
  });
}

function withOutput(operation: Operation, other: Operation): Operation {
  if (operation.answer.kind === 'open' || other.answer.kind === 'open') return operation;
  return { ...operation, answer: { ...operation.answer, output: other.answer.output } };
}

test('the culprit is the first answer that cannot be: all that was known before it can', () => {
  for (const plant of Object.values(PLANTS)) {
    const operations = planted(plant, 11);
    const { key, culprit, model, window, possible } = violationIn(check(operations, modelOf));
    const history = operations.filter((one) => one.key === key);
    expect(culprit.answer.kind).toBe('answered');
    const at = culprit.answer.kind === 'answered' ? culprit.answer.at : 0;
    expect(findOrder(untilMoment(history, at), model).kind).toBe('none');
    expect(findOrder(untilMoment(history, at - 1), model).kind).toBe('order');
    expect(window).toContain(culprit);
    expect(window.length).toBeLessThan(20);
    expect(possible.length).toBeGreaterThan(0);
  }
});

test('a violation is shown as a picture: who did what when, and what can have been true before', () => {
  const at = (calledAt: number, answeredAt: number, output: object): Partial<Operation> => ({
    calledAt,
    answer: { kind: 'answered', at: answeredAt, output },
  });
  const lease_ms = 60_000;
  const rows: readonly Partial<Operation>[] = [
    {
      client: 'c1',
      input: { kind: 'acquire', owner: 'c1', lease_ms },
      ...at(0, 10, { kind: 'granted', token: 17 }),
    },
    { client: 'c3', input: { kind: 'release', owner: 'c1', token: 17 }, calledAt: 12 },
    {
      client: 'c2',
      input: { kind: 'read' },
      ...at(30, 60, { kind: 'seen', held: { holder: 'c2', token: 16 } }),
    },
  ];
  const operations = rows.map((row, id): Operation => ({
    id,
    key: 'lock/a',
    client: '',
    input: undefined,
    calledAt: 0,
    answer: { kind: 'open' },
    ...row,
  }));
  const picture = pictureOf(violationIn(check(operations, modelOf)));
  const lines = picture.split('\n').map((line) => line.trimEnd());
  expect(lines).toEqual([
    'lock/a: no order of these operations explains the answer marked with !',
    'from 0 µs, 1 µs per column',
    '',
    '  c1  ├─ acquire by c1 ┤ granted token 17',
    '  c3              ├─ release 17 by c1 ────────────────────────────────────────▷ nobody heard',
    '! c2                                ├─ read ──────────────────────┤ seen: held by c2, token 16',
    '',
    '  just before, it can only have been',
    '    held by c1, token 17, sure until 58000000 µs, tokens above 0   since c1: acquire by c1',
  ]);
});
