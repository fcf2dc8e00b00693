import { expect, test } from 'vitest';
import type { Audit, Replayed } from '../../tools/demo/audit.ts';
import { claimsOf, type RunFigures } from '../../tools/demo/summary.ts';

const REPLAYED: Replayed = {
  index: 90,
  entries: 90,
  seconds: 1,
  digest: 'digest',
  roots: { work: 'root' },
  comparisons: [{ with: 'a snapshot', index: 50, equal: true }],
  stop: null,
};
const AUDIT: Audit = {
  replayed: REPLAYED,
  redecided: REPLAYED,
  verified: { entries: 91, finding_count: 0, findings: [] },
  ledger: { acknowledged: 80, lost: 0, lines: [] },
};
const AUDITS = [AUDIT, AUDIT, AUDIT];
const STANDINGS = ['node-1', 'node-2', 'node-3'].map((id) => ({ id, index: 90, digest: 'digest' }));
const RUN: RunFigures = {
  tasks: 10,
  machines: 3,
  elapsedMs: 1000,
  added: 10,
  completed: 7,
  failed: 1,
  dead: 1,
  timedOut: 0,
  cancelled: 1,
  doubled: 0,
  impossible: 1,
  claims: 9,
  extensions: 0,
  vanished: 0,
  expired: 0,
  entries: 90,
  retries: 1,
  refused: 0,
  leaders: 2,
  killed: 'node-1',
  successor: 'node-2',
  failoverMs: 300,
  outageMs: 900,
  connections: 3,
  heardFrom: 2,
  gaps: 0,
  repeats: 0,
  brokenChains: 0,
  exitCodes: [0, 0, 0],
  standings: STANDINGS,
};

function broken(run: Partial<RunFigures>, audits: readonly Audit[] = AUDITS): readonly string[] {
  return claimsOf({ ...RUN, ...run }, audits)
    .filter(({ holds }) => !holds)
    .map(({ claim }) => claim);
}

function secondNode(audit: Partial<Audit>): readonly Audit[] {
  return [AUDIT, { ...AUDIT, ...audit }, AUDIT];
}

test('a run in which everything went as promised breaks no claim', () => {
  expect(broken({})).toEqual([]);
  const single = { standings: STANDINGS.slice(0, 1), exitCodes: [0], successor: undefined };
  expect(broken({ ...single, heardFrom: 1 }, [AUDIT])).toEqual([]);
});

test.each<[string, Partial<RunFigures>, readonly Audit[]]>([
  ['every task was added and came to an end', { completed: 6 }, AUDITS],
  ['no task came to an end twice', { doubled: 1 }, AUDITS],
  ['only what no machine could run was cancelled', { impossible: 0 }, AUDITS],
  ['the subscriber saw every entry once, in order', { gaps: 1 }, AUDITS],
  ['the subscriber saw every entry once, in order', { repeats: 1 }, AUDITS],
  ['the subscriber saw every entry once, in order', { entries: 89 }, AUDITS],
  ['the others went on when their leader was killed', { successor: 'node-1' }, AUDITS],
  ['the others went on when their leader was killed', { successor: undefined }, AUDITS],
  ['the subscriber lost its node and went on at another', { heardFrom: 1 }, AUDITS],
  ['who was asked to stop stopped cleanly', { exitCodes: [0, null, 0] }, AUDITS],
  [
    'nothing acknowledged is lost',
    {},
    secondNode({ ledger: { acknowledged: 80, lost: 1, lines: ['one is not in the log'] } }),
  ],
  [
    'the log verifies, byte by byte',
    {},
    secondNode({ verified: { entries: 91, finding_count: 1, findings: ['one'] } }),
  ],
  [
    'live digest = replayed = decided again',
    {},
    secondNode({ redecided: { ...REPLAYED, digest: 'another' } }),
  ],
  [
    'roots: agreed live = replayed = decided again',
    {},
    secondNode({ replayed: { ...REPLAYED, roots: { work: 'another' } } }),
  ],
])('one thing that is not so is told, and only that: %s', (claim, run, audits) => {
  expect(broken(run, audits)).toEqual([claim]);
});

test('nodes that hold different tables are told, even where each agrees with its own log', () => {
  const standings = STANDINGS.map((standing) =>
    standing.id === 'node-2' ? { ...standing, digest: 'another' } : standing,
  );
  const other = { ...REPLAYED, digest: 'another' };
  expect(broken({ standings }, secondNode({ replayed: other, redecided: other }))).toEqual([
    'all nodes hold the same',
  ]);
});
