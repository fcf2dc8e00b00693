/** A group of cores under seeded faults: laws hold at every step, and everything gets well afterwards. */
import { expect, test } from 'vitest';
import { RaftCore } from '../../../src/protocols/raft/core/core.ts';
import type { CoreMaker } from './core-under-test.ts';
import { drawPlan, TIMED } from './plan.ts';
import { run } from './run.ts';
import { Figures } from '../story.ts';

const make: CoreMaker = (options, now) => new RaftCore(options, now);
const SEEDS = 300;
const AT_ONCE = 25;

const total = new Figures();
const blocks = Array.from({ length: SEEDS / AT_ONCE }, (_, block) => block * AT_ONCE + 1);

test.each(blocks)('I1, I2, I7: %i and the seeds after it keep every law', (first) => {
  const failures: string[] = [];
  for (let seed = first; seed < first + AT_ONCE; seed += 1) {
    const { violations, figures, committed } = run(drawPlan(seed), make);
    for (const { law, how } of violations) failures.push(`seed ${seed}: ${law}: ${how}`);
    for (const [what, count] of figures.entries()) total.count(what, count);
    total.count('committed', committed);
  }
  expect(failures).toEqual([]);
});

test('a seed always tells the same story', () => {
  const plan = drawPlan(7);
  const [first, second] = [run(plan, make, true), run(plan, make, true)];
  expect(first.lines.length).toBeGreaterThan(100);
  expect(second.lines).toEqual(first.lines);
  expect(run(plan, make).fingerprint).toBe(first.fingerprint);
  expect(run(drawPlan(8), make).fingerprint).not.toBe(first.fingerprint);
});

test('the seeds are not idle: every kind of fault happens, and clients get every kind of answer', () => {
  const expected = [
    'read served',
    'write committed',
    'write superseded',
    'write unknown',
    'write refused',
    'change committed',
    'transfer transferred',
    'disk lost',
  ];
  const silent = expected.filter((what) => total.of(what) === 0);
  expect(silent).toEqual([]);
  expect(TIMED.filter((fault) => total.of(`fault ${fault}`) === 0)).toEqual([]);
  expect(total.of('committed')).toBeGreaterThan(SEEDS * 20);
});
