/**
 * Runs seeds of whole nodes against the source beside it, and prints as JSON how many it took until a law was
 * broken. It runs in a copy of the tree in which something was mutated.
 */
import { drawPlan } from '../../test/simulation/whole-node/plan.ts';
import { run } from '../../test/simulation/whole-node/run.ts';
import type { Attempt } from './attempt.ts';

function report(found: Pick<Attempt, 'seeds' | 'law'>): void {
  console.log(JSON.stringify({ scenarios: [], ...found } satisfies Attempt));
}

let seed = 1;
// A fault that no promise of a node waits for is noticed, too.
process.on('unhandledRejection', () => {
  report({ seeds: seed, law: 'no fault is left to itself' });
  process.exit(0);
});

let law: string | undefined;
for (const most = Number(process.argv[2]); seed <= most && law === undefined; seed += 1) {
  const { violations } = await run(drawPlan(seed));
  law = violations[0]?.law;
}
report({ seeds: law === undefined ? undefined : seed - 1, law });
