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

export interface Attempt {
  /** Scenarios that fail. */
  readonly scenarios: readonly string[];
  /** How many seeds were run until one failed; undefined: none did. */
  readonly seeds: number | undefined;
  readonly law: string | undefined;
}

const FOLDER = join(import.meta.dirname, '../../test/conformance/raft/scenarios');
const make: CoreMaker = (options, now) => new RaftCore(options, now);

function fails(file: string): boolean {
  try {
    play(readFileSync(join(FOLDER, file), 'utf8'), make);
    return false;
  } catch {
    return true;
  }
}

function attempt(seedsMost: number): Attempt {
  const scenarios = readdirSync(FOLDER).filter(fails);
  for (let seed = 1; seed <= seedsMost; seed += 1) {
    const [violation] = run(drawPlan(seed), make).violations;
    if (violation !== undefined) return { scenarios, seeds: seed, law: violation.law };
  }
  return { scenarios, seeds: undefined, law: undefined };
}

console.log(JSON.stringify(attempt(Number(process.argv[2]))));
