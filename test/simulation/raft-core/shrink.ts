/** Makes a failing plan of cores small, as long as the same law stays broken (`../shrinking.ts`). */
import { shrinkPlan, type Shrunk, smallerInCommon } from '../shrinking.ts';
import type { CoreMaker } from './core-under-test.ts';
import type { Plan } from './plan.ts';
import { type Outcome, run } from './run.ts';

const RUNS_MOST = 300;
const SHORTEST_MS = 200;

export function shrink(failing: Plan, make: CoreMaker): Promise<Shrunk<Plan, Outcome>> {
  return shrinkPlan<Plan, Outcome>(failing, {
    run: (plan, isRecorded) => run(plan, make, isRecorded),
    candidates,
    most: RUNS_MOST,
  });
}

function* candidates(plan: Plan): Generator<Plan> {
  yield* smallerInCommon(plan, SHORTEST_MS);
  if (plan.clocks) yield { ...plan, clocks: false };
  if (plan.snapshot_every !== Infinity) yield { ...plan, snapshot_every: Infinity };
}
