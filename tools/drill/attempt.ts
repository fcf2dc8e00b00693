/**
 * Runs scenarios, then seeds, against the core beside it, and prints as JSON what noticed that something is
 * wrong. It runs in a copy of the tree in which the core was mutated; the copy ends with the attempt.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RaftCore } from '../../src/protocols/raft/core/core.ts';
import { play } from '../../test/conformance/raft/scenario.ts';
import type { CoreMaker } from '../../test/simulation/raft-core/core-under-test.ts';
import { drawPlan } from '../../test/simulation/raft-core/plan.ts';
import { run } from '../../test/simulation/raft-core/run.ts';
import { type Attempt, say, trying, type Tries } from './tries.ts';

const FOLDER = join(import.meta.dirname, '../../test/conformance/raft/scenarios');
const make: CoreMaker = (options, now) => new RaftCore(options, now);

function fails(file: string): boolean {
  trying({ scenario: file });
  try {
    play(readFileSync(join(FOLDER, file), 'utf8'), make);
    return false;
  } catch {
    return true;
  }
}

function attempt({ scenarios: wanted, seeds }: Tries): Attempt {
  const files = wanted === 'all' ? readdirSync(FOLDER) : wanted;
  const scenarios = files.filter(fails);
  for (const seed of seeds) {
    trying({ seed });
    const [violation] = run(drawPlan(seed), make).violations;
    if (violation !== undefined) return { scenarios, seed, law: violation.law };
  }
  return { scenarios };
}

say({ found: attempt(JSON.parse(process.argv[2] ?? '') as Tries) });
