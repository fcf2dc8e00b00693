/** Whole nodes under seeded faults: every law holds, everything gets well again, and what is planted is found. */
import { expect, test } from 'vitest';
import { Figures } from '../story.ts';
import { drawPlan, TIMED } from './plan.ts';
import { PLANTED } from './planted.ts';
import { run } from './run.ts';
import { shrink } from './shrink.ts';

const SEEDS = 24;
const AT_ONCE = 8;
/** So many seeds of a node with a promise taken away are enough for any of them. */
const PLANTED_SEEDS = 120;

const total = new Figures();
const blocks = Array.from({ length: SEEDS / AT_ONCE }, (_, block) => block * AT_ONCE + 1);

test.each(blocks)(
  'I1 to I9, I11: whole nodes of seed %i and the seeds after it keep every law',
  async (first) => {
    const failures: string[] = [];
    for (let seed = first; seed < first + AT_ONCE; seed += 1) {
      const { violations, figures, committed } = await run(drawPlan(seed));
      for (const { law, how } of violations) failures.push(`seed ${seed}: ${law}: ${how}`);
      for (const [what, count] of figures.entries()) total.count(what, count);
      total.count('committed', committed);
    }
    expect(failures).toEqual([]);
  },
  900_000,
);

test('whole nodes of one seed always tell the same story', async () => {
  const plan = drawPlan(5, { milliseconds: 5_000 });
  const [first, second] = [await run(plan, {}, true), await run(plan, {}, true)];
  expect(first.lines.length).toBeGreaterThan(100);
  expect(second.lines).toEqual(first.lines);
  expect(await run(plan)).toMatchObject({ fingerprint: first.fingerprint, events: first.events });
  const other = await run(drawPlan(6, { milliseconds: 5_000 }));
  expect(other.fingerprint).not.toBe(first.fingerprint);
}, 900_000);

test('the seeds of whole nodes are not idle: every kind of fault happens, and much is agreed', () => {
  const expected = [
    'operation answer',
    'operation unknown',
    'disk lost',
    'a process ended by itself',
    'snapshot taken',
    'transfer changed',
    'change changed',
    'job answered',
    'rule failed',
    'entries followed',
  ];
  expect(expected.filter((what) => total.of(what) === 0)).toEqual([]);
  expect(TIMED.filter((fault) => total.of(`fault ${fault}`) === 0)).toEqual([]);
  expect(total.of('committed')).toBeGreaterThan(SEEDS * 50);
});

test.each(PLANTED)(
  'the laws of whole nodes notice $name',
  async ({ seams, plant = () => () => undefined, caught }) => {
    const restore = plant();
    const isMeant = (law: string): boolean => caught.some((pattern) => pattern.test(law));
    let laws: readonly string[] = [];
    for (let seed = 1; seed <= PLANTED_SEEDS && laws.length === 0; seed += 1) {
      const { violations } = await run(drawPlan(seed, { milliseconds: 6_000 }), seams);
      // A seed may find it by what follows from it, too: the next may find it itself.
      laws = violations.map(({ law }) => law).filter(isMeant);
    }
    restore();
    expect(laws).not.toEqual([]);
  },
  900_000,
);

test('a failing run of whole nodes is shrunk to less than it was, and breaks the same law', async () => {
  const [{ seams, caught }] = PLANTED as readonly [(typeof PLANTED)[number]];
  const plan = drawPlan(3, { milliseconds: 3_000 });
  const { outcome, plan: small } = await shrink(plan, seams);
  expect(caught[0]!.test(outcome.violations[0]!.law)).toBe(true);
  expect(small.happenings.length).toBeLessThanOrEqual(plan.happenings.length);
  expect(small.clients).toBe(1);
}, 900_000);
