/**
 * Makes a failing plan small: fewer things that go wrong, quieter links, fewer nodes, a shorter run, as
 * long as the same law stays broken. Every kind of chance has its own stream, so what is left of a run is
 * mostly what it was before.
 */
import type { Happening, PlanInCommon } from './plan-in-common.ts';
import { QUIET } from './raft-core/network.ts';

interface Violated {
  readonly violations: readonly { readonly law: string; readonly how: string }[];
  readonly lines: readonly string[];
  readonly committed: number;
}

export interface Shrinking<Plan, Outcome> {
  readonly run: (plan: Plan, isRecorded: boolean) => Outcome | Promise<Outcome>;
  /** Plans a little smaller than this one, the greatest steps first. */
  readonly candidates: (plan: Plan) => Iterable<Plan>;
  /** Runs it may take. */
  readonly most: number;
}

export interface Shrunk<Plan, Outcome> {
  readonly plan: Plan;
  readonly outcome: Outcome;
  readonly runs: number;
}

export async function shrinkPlan<Plan, Outcome extends Violated>(
  failing: Plan,
  { run, candidates, most }: Shrinking<Plan, Outcome>,
): Promise<Shrunk<Plan, Outcome>> {
  const brokenBy = async (plan: Plan): Promise<string | undefined> =>
    (await run(plan, false)).violations[0]?.law;
  const law = await brokenBy(failing);
  let plan = failing;
  let runs = 1;
  const smaller = async (): Promise<Plan | undefined> => {
    for (const candidate of candidates(plan)) {
      if (runs >= most) return undefined;
      runs += 1;
      if ((await brokenBy(candidate)) === law) return candidate;
    }
    return undefined;
  };
  for (let next = await smaller(); next !== undefined; next = await smaller()) plan = next;
  return { plan, outcome: await run(plan, true), runs };
}

/** @param shortest milliseconds below which a run is not made shorter */
export function* smallerInCommon<Plan extends PlanInCommon>(
  plan: Plan,
  shortest: number,
): Generator<Plan> {
  yield* fewerHappenings(plan);
  const { noise, voters, spares, clients, milliseconds } = plan;
  if (noise !== QUIET) yield { ...plan, noise: QUIET };
  if (noise.loss > 0) yield { ...plan, noise: { ...noise, loss: 0 } };
  if (noise.duplication > 0) yield { ...plan, noise: { ...noise, duplication: 0 } };
  if (noise.replay > 0) yield { ...plan, noise: { ...noise, replay: 0 } };
  if (noise.reordering > 0) yield { ...plan, noise: { ...noise, reordering: 0 } };
  if (voters > 3) yield { ...plan, voters: 3 };
  if (voters > 1) yield { ...plan, voters: voters - 1 };
  if (spares > 0) yield { ...plan, spares: spares - 1 };
  if (clients > 1) yield { ...plan, clients: 1 };
  if (milliseconds > shortest)
    yield {
      ...plan,
      milliseconds: Math.floor(milliseconds * 0.7),
      happenings: plan.happenings.filter(({ at }) => at < milliseconds * 0.7),
    };
}

function* fewerHappenings<Plan extends PlanInCommon>(plan: Plan): Generator<Plan> {
  const { happenings } = plan;
  const without = (from: number, count: number): readonly Happening[] =>
    happenings.filter((_, at) => at < from || at >= from + count);
  for (let size = happenings.length; size >= 1; size = Math.floor(size / 2))
    for (let from = 0; from < happenings.length; from += size)
      yield { ...plan, happenings: without(from, size) };
}

/** What a person needs to understand a failure: the plan, what broke, and how it came to it. */
export function toldStory<Plan, Outcome extends Violated>(
  { plan, outcome, runs }: Shrunk<Plan, Outcome>,
  told: (plan: Plan) => string,
  lines: number,
): string {
  const last = outcome.lines.slice(Math.max(0, outcome.lines.length - lines));
  return [
    told(plan),
    `shrunk in ${runs} runs to ${outcome.committed} committed entries`,
    ...(last.length < outcome.lines.length ? ['…'] : []),
    ...last,
    ...outcome.violations.map(({ law, how }) => `✗ ${law}: ${how}`),
  ].join('\n');
}
