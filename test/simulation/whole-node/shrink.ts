/** Makes a failing plan of whole nodes small, as long as the same law stays broken (`../shrinking.ts`). */
import { shrinkPlan, type Shrunk, smallerInCommon } from '../shrinking.ts';
import type { Seams } from './node.ts';
import type { Plan } from './plan.ts';
import { type Outcome, run } from './run.ts';

const RUNS_MOST = 120;
const SHORTEST_MS = 1_000;

export function shrink(failing: Plan, seams: Seams = {}): Promise<Shrunk<Plan, Outcome>> {
  return shrinkPlan<Plan, Outcome>(failing, {
    run: (plan, isRecorded) => run(plan, seams, isRecorded),
    candidates,
    most: RUNS_MOST,
  });
}

function* candidates(plan: Plan): Generator<Plan> {
  yield* smallerInCommon(plan, SHORTEST_MS);
  if (plan.skew > 0) yield { ...plan, skew: 0 };
  if (plan.jobs) yield { ...plan, jobs: false };
  if (plan.retention.kind !== 'all') yield { ...plan, retention: { kind: 'all' } };
}
