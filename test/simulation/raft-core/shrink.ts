/**
 * Makes a failing plan small: fewer things that go wrong, quieter links, fewer nodes, a shorter run, as
 * long as the same law stays broken. Every kind of chance has its own stream, so what is left of a run is
 * mostly what it was before.
 */
import type { CoreMaker } from './core-under-test.ts';
import { QUIET } from './network.ts';
import type { Happening, Plan } from './plan.ts';
import { type Outcome, run } from './run.ts';

/** So many runs, and what is small by then is small enough. */
const RUNS_MOST = 300;

export interface Shrunk {
  readonly plan: Plan;
  readonly outcome: Outcome;
  readonly runs: number;
}

export function shrink(failing: Plan, make: CoreMaker): Shrunk {
  let plan = failing;
  let runs = 0;
  const law = run(plan, make).violations[0]?.law;
  const stillFails = (candidate: Plan): boolean => {
    runs += 1;
    return runs <= RUNS_MOST && run(candidate, make).violations[0]?.law === law;
  };
  for (;;) {
    const smaller = firstOf(candidates(plan), stillFails);
    if (smaller === undefined) break;
    plan = smaller;
  }
  return { plan, outcome: run(plan, make, true), runs };
}

function firstOf(plans: Iterable<Plan>, accepted: (plan: Plan) => boolean): Plan | undefined {
  for (const plan of plans) if (accepted(plan)) return plan;
  return undefined;
}

/** Plans a little smaller than this one, the greatest steps first. */
function* candidates(plan: Plan): Generator<Plan> {
  yield* fewerHappenings(plan);
  const { noise, voters, spares, clients, milliseconds } = plan;
  if (noise !== QUIET) yield { ...plan, noise: QUIET };
  if (noise.loss > 0) yield { ...plan, noise: { ...noise, loss: 0 } };
  if (noise.duplication > 0) yield { ...plan, noise: { ...noise, duplication: 0 } };
  if (noise.replay > 0) yield { ...plan, noise: { ...noise, replay: 0 } };
  if (noise.reordering > 0) yield { ...plan, noise: { ...noise, reordering: 0 } };
  if (plan.clocks) yield { ...plan, clocks: false };
  if (voters > 1) yield { ...plan, voters: voters - 1 };
  if (voters > 3) yield { ...plan, voters: 3 };
  if (spares > 0) yield { ...plan, spares: spares - 1 };
  if (clients > 1) yield { ...plan, clients: 1 };
  if (plan.snapshot_every !== Infinity) yield { ...plan, snapshot_every: Infinity };
  if (milliseconds > 200)
    yield {
      ...plan,
      milliseconds: Math.floor(milliseconds * 0.7),
      happenings: plan.happenings.filter(({ at }) => at < milliseconds * 0.7),
    };
}

function* fewerHappenings(plan: Plan): Generator<Plan> {
  const { happenings } = plan;
  const without = (from: number, count: number): readonly Happening[] =>
    happenings.filter((_, at) => at < from || at >= from + count);
  for (let size = happenings.length; size >= 1; size = Math.floor(size / 2))
    for (let from = 0; from < happenings.length; from += size)
      yield { ...plan, happenings: without(from, size) };
}

/** What a person needs to understand a failure: the plan, what broke, and how it came to it. */
export function toldStory(
  { plan, outcome, runs }: Shrunk,
  told: (plan: Plan) => string,
  lines: number,
): string {
  const last = outcome.lines.slice(Math.max(0, outcome.lines.length - lines));
  return [
    told(plan),
    `shrunk in ${runs} runs to ${outcome.steps} steps, ${outcome.committed} committed entries`,
    ...(last.length < outcome.lines.length ? ['…'] : []),
    ...last,
    ...outcome.violations.map(({ law, how }) => `✗ ${law}: ${how}`),
  ].join('\n');
}
