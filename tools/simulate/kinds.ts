/** What can be simulated: whole nodes, or the cores of one Raft group. */
import { RaftCore } from '../../src/protocols/raft/core/core.ts';
import type { CoreMaker } from '../../test/simulation/raft-core/core-under-test.ts';
import * as cores from '../../test/simulation/raft-core/plan.ts';
import { run as runCores } from '../../test/simulation/raft-core/run.ts';
import { shrink as shrinkCores } from '../../test/simulation/raft-core/shrink.ts';
import type { Violation } from '../../test/simulation/raft-core/laws.ts';
import type { Wanted as WantedOf } from '../../test/simulation/plan-in-common.ts';
import type { Figures } from '../../test/simulation/story.ts';
import { told as toldCores } from '../../test/simulation/raft-core/trouble.ts';
import * as wholeNodes from '../../test/simulation/whole-node/plan.ts';
import { run as runNodes } from '../../test/simulation/whole-node/run.ts';
import { toldStory } from '../../test/simulation/shrinking.ts';
import { shrink as shrinkNodes } from '../../test/simulation/whole-node/shrink.ts';

export type Wanted = WantedOf;

export interface Ran {
  readonly isBroken: boolean;
  /** Equal for equal runs. */
  readonly fingerprint: number;
  readonly figures: readonly (readonly [what: string, count: number])[];
}

/** A run with all that happened in it. */
export interface Told extends Ran {
  /** The plan, in words. */
  readonly told: string;
  readonly lines: readonly string[];
}

export interface Simulated {
  readonly faults: readonly string[];
  run(seed: number, wanted: Wanted): Promise<Ran>;
  told(seed: number, wanted: Wanted): Promise<Told>;
  /** The shrunk story of a seed that breaks a law. */
  shrunk(seed: number, wanted: Wanted, lines: number): Promise<string>;
}

/** What runs of both have in common. */
interface Outcome {
  readonly violations: readonly Violation[];
  readonly fingerprint: number;
  readonly figures: Figures;
  readonly lines: readonly string[];
  readonly committed: number;
}

const make: CoreMaker = (options, now) => new RaftCore(options, now);

function planOfCores(seed: number, { faults, ...wanted }: Wanted): cores.Plan {
  const meant = cores.FAULTS.filter((fault) => faults?.includes(fault));
  return cores.drawPlan(seed, { ...wanted, faults: faults === undefined ? undefined : meant });
}

function planOfNodes(seed: number, { faults, ...wanted }: Wanted): wholeNodes.Plan {
  const meant = wholeNodes.FAULTS.filter((fault) => faults?.includes(fault));
  return wholeNodes.drawPlan(seed, { ...wanted, faults: faults === undefined ? undefined : meant });
}

function ranOf({ violations, fingerprint, figures, committed }: Outcome): Ran {
  return {
    isBroken: violations.length > 0,
    fingerprint,
    figures: [['entries committed', committed], ...figures.entries()],
  };
}

function toldOf(told: string, outcome: Outcome): Told {
  const broken = outcome.violations.map(({ law, how }) => `✗ ${law}: ${how}`);
  return { ...ranOf(outcome), told, lines: [...outcome.lines, ...broken] };
}

export const CORES: Simulated = {
  faults: cores.FAULTS,
  run: (seed, wanted) => Promise.resolve(ranOf(runCores(planOfCores(seed, wanted), make))),
  told: (seed, wanted) => {
    const plan = planOfCores(seed, wanted);
    return Promise.resolve(toldOf(toldCores(plan), runCores(plan, make, true)));
  },
  shrunk: async (seed, wanted, lines) =>
    toldStory(await shrinkCores(planOfCores(seed, wanted), make), toldCores, lines),
};

export const WHOLE_NODES: Simulated = {
  faults: wholeNodes.FAULTS,
  run: async (seed, wanted) => ranOf(await runNodes(planOfNodes(seed, wanted))),
  told: async (seed, wanted) => {
    const plan = planOfNodes(seed, wanted);
    return toldOf(wholeNodes.told(plan), await runNodes(plan, {}, true));
  },
  shrunk: async (seed, wanted, lines) =>
    toldStory(await shrinkNodes(planOfNodes(seed, wanted)), wholeNodes.told, lines),
};
