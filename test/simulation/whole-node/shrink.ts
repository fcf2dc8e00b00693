/**
 * Makes a failing plan of whole nodes small: fewer things that go wrong, quieter links, fewer nodes, a shorter
 * run, as long as the same law stays broken.
 */
import { QUIET } from '../raft-core/network.ts';
import type { Seams } from './node.ts';
import type { Happening, Plan } from './plan.ts';
import { type Outcome, run } from './run.ts';

/** So many runs, and what is small by then is small enough. */
const RUNS_MOST = 120;

export interface Shrunk {
  readonly plan: Plan;
  readonly outcome: Outcome;
  readonly runs: number;
}

export async function shrink(failing: Plan, seams: Seams = {}): Promise<Shrunk> {
  const law = (await run(failing, seams)).violations[0]?.law;
  let plan = failing;
  let runs = 1;
  const smaller = async (): Promise<Plan | undefined> => {
    for (const candidate of candidates(plan)) {
      if (runs >= RUNS_MOST) return undefined;
      runs += 1;
      const { violations } = await run(candidate, seams);
      if (violations[0]?.law === law) return candidate;
    }
    return undefined;
  };
  for (let next = await smaller(); next !== undefined; next = await smaller()) plan = next;
  return { plan, outcome: await run(plan, seams, true), runs };
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
  if (plan.skew > 0) yield { ...plan, skew: 0 };
  if (plan.jobs) yield { ...plan, jobs: false };
  if (voters > 1) yield { ...plan, voters: voters - 1 };
  if (spares > 0) yield { ...plan, spares: spares - 1 };
  if (clients > 1) yield { ...plan, clients: 1 };
  if (plan.retention.kind !== 'all') yield { ...plan, retention: { kind: 'all' } };
  if (milliseconds > 1_000)
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
    `shrunk in ${runs} runs to ${outcome.events} events, ${outcome.committed} committed entries`,
    ...(last.length < outcome.lines.length ? ['…'] : []),
    ...last,
    ...outcome.violations.map(({ law, how }) => `✗ ${law}: ${how}`),
  ].join('\n');
}
