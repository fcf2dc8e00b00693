/** I3: the same prefix gives the same outcomes and the same tables, whichever way a machine came by it. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Machine, type MachineOptions } from '../../src/projections/machine.ts';
import type { Outcome } from '../../src/projections/outcome.ts';
import { rootsAt } from '../../src/projections/past-roots.ts';
import { MAIN_PROJECTIONS } from '../../src/projections/registry.ts';
import { cutSnapshot } from '../../src/projections/snapshot.ts';
import { Chronicle, encoded, knowledgeOf, restoredFrom } from './chronicle.ts';
import { anyStep, type Step } from './any-history.ts';
import { RECIPES } from './command-table.ts';
import { expectDerivedFromRows } from './timeline.ts';

/** The rules version is raised on the way; a machine that knew no more than it would stop there. */
const OPTIONS: MachineOptions = { projections: MAIN_PROJECTIONS, rules: 10 };

/** How many commands a restored machine must decide as the live one does. */
const NEXT_COMMANDS = 1_000;

function steps(count: number): fc.Arbitrary<Step[]> {
  return fc.array(anyStep, { maxLength: count, size: 'max' });
}

const FIRST: Readonly<Record<Step['before'], (chronicle: Chronicle) => void>> = {
  nothing: () => undefined,
  duties: (chronicle) => chronicle.meetDuties(),
  election: (chronicle) => {
    chronicle.term += 1;
  },
  'unknown type': (chronicle) => void chronicle.write({ type: 'of_the_future', data: { any: 1 } }),
};

function liveThrough(chronicle: Chronicle, lived: readonly Step[]): readonly Outcome[] {
  return lived.map(({ pause, intent, extras: more, before }) => {
    chronicle.at += pause;
    FIRST[before](chronicle);
    return chronicle.live(intent, more);
  });
}

/** Decides the entries from `from` on again, and compares every outcome with the recorded one. */
function decideAgain(machine: Machine, chronicle: Chronicle, from = 1): void {
  for (let index = from; index <= chronicle.frames.length; index++) {
    const { outcomeBytes } = machine.apply(chronicle.entry(index));
    const recorded = chronicle.outcomeBytes[index - 1]!;
    if (!Buffer.from(outcomeBytes).equals(recorded))
      throw new Error(
        `entry ${index} was decided otherwise: ${JSON.stringify(chronicle.entry(index))}`,
      );
  }
}

function rootsOf(hashing: ReturnType<typeof rootsAt>): unknown {
  for (let step = hashing?.next(); step !== undefined; step = hashing?.next())
    if (step.done === true) return step.value.roots;
  return undefined;
}

function foldRecorded(machine: Machine, chronicle: Chronicle, from = 1): void {
  for (let index = from; index <= chronicle.frames.length; index++)
    machine.applyRecorded(chronicle.entry(index), chronicle.outcomeBytes[index - 1]!);
}

describe('the commands that are generated', () => {
  const types = MAIN_PROJECTIONS.flatMap(({ commands }) => Object.keys(commands));

  test('are of every registered type, and of no other', () => {
    expect(Object.keys(RECIPES).sort()).toEqual([...types].sort());
  });

  test('meet each other: every type is applied with facts, and most are refused as well', () => {
    const applied = new Set<string>();
    const refused = new Set<string>();
    const histories = fc.array(anyStep, { minLength: 300, maxLength: 300 });
    for (const lived of fc.sample(histories, { numRuns: 30, seed: 7 })) {
      const chronicle = new Chronicle(OPTIONS);
      liveThrough(chronicle, lived);
      for (const { type, outcome } of chronicle.told()) {
        if (outcome.kind === 'refused') refused.add(type);
        if (outcome.kind === 'applied' && outcome.facts.length > 0) applied.add(type);
      }
    }
    const factless = ['no_op', 'configuration'];
    expect(types.filter((type) => !applied.has(type))).toEqual(factless);
    expect(refused.size).toBeGreaterThan(types.length / 2);
  });
});

describe('I3: same prefix, same outcomes, same tables', () => {
  test('the tables as of an index that is still in the undo ring hash to what they hashed to then', () => {
    fc.assert(
      fc.property(steps(60), fc.nat(), fc.nat(30), (lived, anywhere, kept) => {
        const chronicle = new Chronicle({ ...OPTIONS, undo: { entries: kept, bytes: 1_000_000 } });
        const cutAfter = lived.length === 0 ? 0 : anywhere % (lived.length + 1);
        liveThrough(chronicle, lived.slice(0, cutAfter));
        const { machine } = chronicle;
        const { index } = machine.position;
        const { roots } = encoded(cutSnapshot(machine)).roots;
        liveThrough(chronicle, lived.slice(cutAfter));
        const isKept = machine.position.index - index <= kept;
        expect(rootsOf(rootsAt(machine, index))).toEqual(isKept ? roots : undefined);
      }),
      { numRuns: 200 },
    );
  });

  test('live, replayed, decided again, folded from recorded outcomes, restored at any index and continued', async () => {
    await fc.assert(
      fc.asyncProperty(steps(120), fc.nat(), async (lived, anywhere) => {
        const chronicle = new Chronicle(OPTIONS);
        const cutAfter = lived.length === 0 ? 0 : anywhere % (lived.length + 1);
        liveThrough(chronicle, lived.slice(0, cutAfter));
        const cut = cutSnapshot(chronicle.machine);
        liveThrough(chronicle, lived.slice(cutAfter));
        const knowledge = knowledgeOf(chronicle.machine);
        expectDerivedFromRows(chronicle.machine);
        expect(chronicle.machine.position.faults, 'no rule is at fault').toBe(0);

        const replayed = new Machine(OPTIONS);
        decideAgain(replayed, chronicle);
        expect(knowledgeOf(replayed)).toEqual(knowledge);

        const folded = new Machine(OPTIONS);
        foldRecorded(folded, chronicle);
        expect(knowledgeOf(folded)).toEqual(knowledge);

        // The cut is encoded only now: what was applied since must not show in it.
        const { bytes } = encoded(cut);
        const next = cut.position.index + 1;
        const restored = await restoredFrom(bytes, OPTIONS);
        expectDerivedFromRows(restored);
        decideAgain(restored, chronicle, next);
        expect(knowledgeOf(restored)).toEqual(knowledge);

        const restoredAndFolded = await restoredFrom(bytes, OPTIONS);
        foldRecorded(restoredAndFolded, chronicle, next);
        expect(knowledgeOf(restoredAndFolded)).toEqual(knowledge);
      }),
      { numRuns: 100 },
    );
  });

  test('the state just restored is the state that was cut, in every row, index, counter and byte', async () => {
    await fc.assert(
      fc.asyncProperty(steps(80), async (lived) => {
        const chronicle = new Chronicle(OPTIONS);
        liveThrough(chronicle, lived);
        const { bytes } = encoded(cutSnapshot(chronicle.machine));
        expect(knowledgeOf(await restoredFrom(bytes, OPTIONS))).toEqual(
          knowledgeOf(chronicle.machine),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('a restored machine decides the next 1 000 commands as the live one does', async () => {
    const next = fc.array(anyStep, { minLength: NEXT_COMMANDS, maxLength: NEXT_COMMANDS });
    await fc.assert(
      fc.asyncProperty(steps(150), next, async (lived, following) => {
        const chronicle = new Chronicle(OPTIONS);
        liveThrough(chronicle, lived);
        const { bytes } = encoded(cutSnapshot(chronicle.machine));
        const from = chronicle.frames.length + 1;
        liveThrough(chronicle, following);
        const restored = await restoredFrom(bytes, OPTIONS);
        decideAgain(restored, chronicle, from);
        expect(knowledgeOf(restored)).toEqual(knowledgeOf(chronicle.machine));
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  test('what is due is the same for a restored machine, at every moment', async () => {
    await fc.assert(
      fc.asyncProperty(steps(80), fc.array(fc.nat(100_000)), async (lived, moments) => {
        const chronicle = new Chronicle(OPTIONS);
        liveThrough(chronicle, lived);
        const { bytes } = encoded(cutSnapshot(chronicle.machine));
        const restored = await restoredFrom(bytes, OPTIONS);
        for (const moment of moments) {
          const at = chronicle.at + moment;
          expect(restored.due(at)).toEqual(chronicle.machine.due(at));
        }
      }),
      { numRuns: 40 },
    );
  });
});
