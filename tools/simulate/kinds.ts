/** What can be simulated: whole nodes, or the cores of one Raft group. */
import { RaftCore } from '../../src/protocols/raft/core/core.ts';
import type { CoreMaker } from '../../test/simulation/raft-core/core-under-test.ts';
import * as cores from '../../test/simulation/raft-core/plan.ts';
import { run as runCores } from '../../test/simulation/raft-core/run.ts';
import { shrink as shrinkCores } from '../../test/simulation/raft-core/shrink.ts';
import { told as toldCores } from '../../test/simulation/raft-core/trouble.ts';
import * as wholeNodes from '../../test/simulation/whole-node/plan.ts';
import { run as runNodes } from '../../test/simulation/whole-node/run.ts';
import { toldStory } from '../../test/simulation/shrinking.ts';
import { shrink as shrinkNodes } from '../../test/simulation/whole-node/shrink.ts';

export interface Wanted {
  readonly voters: number | undefined;
  readonly milliseconds: number | undefined;
  /** Of those that there are. */
  readonly faults: readonly string[] | undefined;
}

export interface Ran {
  readonly isBroken: boolean;
  /** Equal for equal runs. */
  readonly fingerprint: number;
  readonly figures: readonly (readonly [what: string, count: number])[];
}

export interface Simulated {
  readonly faults: readonly string[];
  run(seed: number, wanted: Wanted): Promise<Ran>;
  /** The shrunk story of a seed that breaks a law. */
  story(seed: number, wanted: Wanted, lines: number): Promise<string>;
}

const make: CoreMaker = (options, now) => new RaftCore(options, now);

function planOfCores(seed: number, { faults, ...wanted }: Wanted): cores.Plan {
  const drawn = cores.FAULTS.filter((fault) => faults?.includes(fault) ?? true);
  return cores.drawPlan(seed, { ...wanted, faults: drawn });
}

function planOfNodes(seed: number, { faults, ...wanted }: Wanted): wholeNodes.Plan {
  const drawn = wholeNodes.FAULTS.filter((fault) => faults?.includes(fault) ?? true);
  return wholeNodes.drawPlan(seed, { ...wanted, faults: drawn });
}

export const CORES: Simulated = {
  faults: cores.FAULTS,
  run: (seed, wanted) => {
    const { violations, fingerprint, figures, ...ran } = runCores(planOfCores(seed, wanted), make);
    return Promise.resolve({
      isBroken: violations.length > 0,
      fingerprint,
      figures: [
        ['steps of cores', ran.steps],
        ['entries committed', ran.committed],
        ...figures.entries(),
      ],
    });
  },
  story: async (seed, wanted, lines) =>
    toldStory(await shrinkCores(planOfCores(seed, wanted), make), toldCores, lines),
};

export const WHOLE_NODES: Simulated = {
  faults: wholeNodes.FAULTS,
  run: async (seed, wanted) => {
    const ran = await runNodes(planOfNodes(seed, wanted));
    return {
      isBroken: ran.violations.length > 0,
      fingerprint: ran.fingerprint,
      figures: [
        ['events', ran.events],
        ['entries committed', ran.committed],
        ...ran.figures.entries(),
      ],
    };
  },
  story: async (seed, wanted, lines) =>
    toldStory(await shrinkNodes(planOfNodes(seed, wanted)), wholeNodes.told, lines),
};
