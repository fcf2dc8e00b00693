/**
 * The laws that hold for every projection of the group `main`, whatever is in it: found by generating
 * commands from their schemas.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Machine } from '../../src/projections/machine.ts';
import { MAIN_PROJECTIONS } from '../../src/projections/registry.ts';
import { cutSnapshot, encodeSnapshot, restoreSnapshot } from '../../src/projections/snapshot.ts';
import { aimedAt, type AnyCommand, anyCommandOf } from './any-command.ts';
import { expectDerivedFromRows, stateOf, Timeline } from './timeline.ts';

// The rules version may be raised on the way; this build must then still know it.
const OPTIONS = { projections: MAIN_PROJECTIONS, rules: 1000 };

interface Step {
  readonly wait: number;
  readonly command: AnyCommand;
  readonly isAimed: boolean;
  readonly extras: object;
  readonly aside: 'nothing' | 'tidy' | 'new term' | 'dry run' | 'unknown';
}

const ACTORS = ['ann', 'bob'];

const extras = fc.oneof(
  { weight: 12, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ if_index: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      actor: fc.constantFrom(...ACTORS),
      once: fc.oneof(
        fc.record({ key: fc.constantFrom('k1', 'k2', 'k3'), print: fc.constantFrom('p', 'q') }),
        fc.record({
          session: fc.integer({ min: 1, max: 10 }),
          seq: fc.integer({ min: 1, max: 5 }),
        }),
      ),
    }),
  },
);

function stepOf(command: fc.Arbitrary<AnyCommand>): fc.Arbitrary<Step> {
  return fc.record({
    wait: fc.oneof(
      { weight: 12, arbitrary: fc.nat(3_000) },
      { weight: 1, arbitrary: fc.constantFrom(400_000, 700_000, 90_000_000) },
    ),
    command,
    isAimed: fc.boolean(),
    extras,
    aside: fc.oneof(
      { weight: 6, arbitrary: fc.constant('nothing' as const) },
      { weight: 4, arbitrary: fc.constantFrom('tidy', 'new term', 'dry run', 'unknown') },
    ),
  });
}

const commandOfAny = anyCommandOf(MAIN_PROJECTIONS);

/** Histories in which one projection has most of the say, so that its rows live long enough to matter. */
const anyStory: fc.Arbitrary<readonly Step[]> = fc.oneof(
  ...MAIN_PROJECTIONS.map((projection) => {
    const command = fc.oneof(
      { weight: 6, arbitrary: anyCommandOf([projection]) },
      { weight: 1, arbitrary: commandOfAny },
    );
    const weight = Object.keys(projection.commands).length;
    const arbitrary = fc.array(stepOf(command), { maxLength: 40 + 8 * weight, size: 'max' });
    return { weight, arbitrary };
  }),
);

const asides: Readonly<Record<Step['aside'], (time: Timeline, step: Step) => void>> = {
  nothing: () => {},
  tidy: (time) => time.tidy(),
  unknown: (time) => time.apply('of_the_future', { any: 'thing' }),
  'new term': (time) => {
    time.term += 1;
  },
  'dry run': (time, { command: { type, data }, extras: more }) => {
    const parsed = time.machine.command(type)?.schema.parse(data) ?? {};
    const before = stateOf(time.machine);
    const foreseen = time.machine.dryRun({ type, data: parsed, at: time.at, ...more });
    expect(stateOf(time.machine)).toEqual(before);
    expect(time.apply(type, data, more)).toEqual(foreseen);
  },
};

function live(steps: readonly Step[], time: Timeline): Timeline {
  for (const step of steps) {
    time.pass(step.wait);
    asides[step.aside](time, step);
    const { type, data } = step.isAimed ? aimedAt(time.machine, step.command) : step.command;
    time.apply(type, data, step.extras);
    expectDerivedFromRows(time.machine);
  }
  return time;
}

const IDENTITY = {
  group: 'main',
  incarnation: 0,
  configuration: { voters: [{ id: 'n1', store: 's1', addresses: [] }], outgoing: [], learners: [] },
};

async function restoredFrom(machine: Machine): Promise<Machine> {
  const pieces = [...encodeSnapshot(cutSnapshot(machine), IDENTITY)];
  const restored = new Machine(OPTIONS);
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* pieces;
  }
  await restoreSnapshot(restored, source());
  return restored;
}

test('I3: any history is the same live, replayed and folded from its outcomes; indexes and counters equal a recount', () => {
  fc.assert(
    fc.property(anyStory, (steps) => {
      const time = live(steps, new Timeline(OPTIONS));
      const state = stateOf(time.machine);
      expect(stateOf(time.replayed())).toEqual(state);
      expect(stateOf(time.folded())).toEqual(state);
      expect(time.machine.position.faults).toBe(0);
    }),
    { numRuns: 150 },
  );
});

test('I3: a machine restored from a snapshot decides what follows as the live one does', async () => {
  await fc.assert(
    fc.asyncProperty(anyStory, anyStory, async (before, after) => {
      const time = live(before, new Timeline(OPTIONS));
      const restored = await restoredFrom(time.machine);
      expectDerivedFromRows(restored);
      expect(stateOf(restored)).toEqual(stateOf(time.machine));
      const known = time.entries.length;
      live(after, time);
      for (const entry of time.entries.slice(known)) restored.apply(entry);
      expect(stateOf(restored)).toEqual(stateOf(time.machine));
    }),
    { numRuns: 100 },
  );
});

test('every projection and every command says in a sentence what it is for', () => {
  for (const { name, summary, commands } of MAIN_PROJECTIONS) {
    expect(summary, name).toMatch(/^[A-Z].*\.$/);
    for (const [type, rule] of Object.entries(commands))
      expect(rule.summary, type).toMatch(/^[A-Z].*\.$/);
  }
});
