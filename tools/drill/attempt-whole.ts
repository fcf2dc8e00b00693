/**
 * Runs seeds of whole nodes against the source beside it, and prints as JSON the first in which a law was
 * broken. It runs in a copy of the tree in which something was mutated.
 */
import { drawPlan } from '../../test/simulation/whole-node/plan.ts';
import { run } from '../../test/simulation/whole-node/run.ts';
import { say, trying, type Tries } from './tries.ts';

const { seeds } = JSON.parse(process.argv[2] ?? '') as Tries;
let seed = 0;
// A fault that no promise of a node waits for is noticed, too.
process.on('unhandledRejection', () => {
  say({ found: { scenarios: [], seed, law: 'no fault is left to itself' } });
  process.exit(0);
});

let law: string | undefined;
for (seed of seeds) {
  trying({ seed });
  const { violations } = await run(drawPlan(seed));
  law = violations[0]?.law;
  if (law !== undefined) break;
}
say({ found: law === undefined ? { scenarios: [] } : { scenarios: [], seed, law } });
