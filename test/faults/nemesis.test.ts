import { assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { until } from '../end-to-end/condition.ts';
import { type Begin, type PlanOptions, planOf, unleash } from './nemesis.ts';

const OPTIONS: PlanOptions = {
  seed: 1,
  milliseconds: 600_000,
  nodes: ['n1', 'n2', 'n3', 'n4', 'n5'],
  kinds: [
    { name: 'kill', reach: 'node', weight: 3 },
    { name: 'deafen', reach: 'pair', weight: 2 },
    { name: 'transfer', reach: 'cluster', weight: 1 },
  ],
  gapMs: [200, 2_000],
  lastsMs: [500, 4_000],
  troubledMax: 2,
};

test('the same seed gives the same plan, and another seed another', () => {
  expect(planOf(OPTIONS)).toEqual(planOf(OPTIONS));
  expect(planOf({ ...OPTIONS, seed: 2 })).not.toEqual(planOf(OPTIONS));
});

test('no plan has more nodes in trouble than it may, or a node in two troubles, or an end after the end', () => {
  assert(
    property(integer(), integer({ min: 1, max: 3 }), (seed, troubledMax) => {
      const plan = planOf({ ...OPTIONS, seed, troubledMax, milliseconds: 60_000 });
      for (const { at, nodes } of plan) {
        const present = plan.filter((other) => other.at <= at && other.until >= at);
        const troubled = present.flatMap((other) => other.nodes);
        expect(troubled.length).toBeLessThanOrEqual(troubledMax);
        expect(new Set(troubled).size).toBe(troubled.length);
        expect(new Set(nodes).size).toBe(nodes.length);
      }
      expect(plan.every(({ at, until: end }) => at <= end && end <= 60_000)).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test('a plan of ten minutes has hundreds of faults, of every kind, on every node', () => {
  const plan = planOf(OPTIONS);
  expect(plan.length).toBeGreaterThan(200);
  expect(new Set(plan.map(({ kind }) => kind)).size).toBe(3);
  expect(new Set(plan.flatMap(({ nodes }) => nodes)).size).toBe(5);
});

const recorded: string[] = [];
const noting =
  (name: string): Begin =>
  async (...nodes) => {
    recorded.push(`${name} ${nodes.join(' ')}`);
    return () => void recorded.push(`heal ${name} ${nodes.join(' ')}`);
  };

test('every fault that begins ends, in its time, and is reported with both times', async () => {
  recorded.length = 0;
  const plan = [
    { kind: 'kill', nodes: ['n1'], at: 10, until: 120 },
    { kind: 'deafen', nodes: ['n2', 'n3'], at: 40, until: 60 },
  ];
  const faults = { kill: noting('kill'), deafen: noting('deafen') };
  const reports = await unleash(plan, { faults });
  // Where both ends are due at once, on a machine that stood still, either may come first.
  expect(recorded.slice(0, 2)).toEqual(['kill n1', 'deafen n2 n3']);
  expect(recorded.slice(2).toSorted()).toEqual(['heal deafen n2 n3', 'heal kill n1']);
  for (const { at, until: end, beganAt, endedAt, failure } of reports) {
    // Timers of Node may be a millisecond early.
    expect(beganAt).toBeGreaterThanOrEqual(at - 1);
    expect(endedAt).toBeGreaterThanOrEqual(end - 1);
    expect(failure).toBeUndefined();
  }
});

test('a run that is ended early heals what is under way and begins nothing more', async () => {
  recorded.length = 0;
  const plan = [
    { kind: 'kill', nodes: ['n1'], at: 0, until: 3_600_000 },
    { kind: 'kill', nodes: ['n2'], at: 3_000_000, until: 3_600_000 },
  ];
  const control = new AbortController();
  const run = unleash(plan, { faults: { kill: noting('kill') }, signal: control.signal });
  await until('the first has begun', () => recorded.length === 1);
  control.abort();
  expect((await run).length).toBe(1);
  expect(recorded).toEqual(['kill n1', 'heal kill n1']);
});

test('a fault waits for a node that takes longer to come back than planned, and lasts as long as it should', async () => {
  recorded.length = 0;
  const slowly: Begin = async () => {
    recorded.push('kill');
    return () =>
      new Promise((resolve) => {
        setTimeout(() => {
          recorded.push('back');
          resolve();
        }, 80);
      });
  };
  const plan = [
    { kind: 'kill', nodes: ['n1'], at: 0, until: 10 },
    { kind: 'freeze', nodes: ['n1'], at: 20, until: 40 },
  ];
  const reports = await unleash(plan, { faults: { kill: slowly, freeze: noting('freeze') } });
  expect(recorded).toEqual(['kill', 'back', 'freeze n1', 'heal freeze n1']);
  const [, freeze] = reports;
  expect((freeze?.endedAt ?? 0) - (freeze?.beganAt ?? 0)).toBeGreaterThanOrEqual(19);
});

test('a fault that does not begin is reported with the reason, and the others go on', async () => {
  recorded.length = 0;
  const transfer: Begin = () => Promise.reject(new Error('there is no leader'));
  const plan = [
    { kind: 'transfer', nodes: [], at: 0, until: 10 },
    { kind: 'kill', nodes: ['n1'], at: 5, until: 10 },
  ];
  const reports = await unleash(plan, { faults: { transfer, kill: noting('kill') } });
  expect(reports.find(({ kind }) => kind === 'transfer')?.failure).toBe('there is no leader');
  expect(recorded).toEqual(['kill n1', 'heal kill n1']);
});
