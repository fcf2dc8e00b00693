/** A plan run from beginning to end: safety while things go wrong, then recovery. */
import type { CoreMaker } from './core-under-test.ts';
import type { Violation } from './laws.ts';
import type { Plan } from './plan.ts';
import { Recovery } from './recovery.ts';
import type { Figures } from './story.ts';
import { World } from './world.ts';

export interface Outcome {
  readonly violations: readonly Violation[];
  readonly steps: number;
  /** Equal for equal runs. */
  readonly fingerprint: number;
  readonly lines: readonly string[];
  readonly figures: Figures;
  readonly committed: number;
}

export function run(plan: Plan, make: CoreMaker, recorded = false): Outcome {
  const world = new World(plan, make, recorded);
  world.runUntil(plan.milliseconds);
  if (!world.broken) {
    const missing = new Recovery(world).run();
    if (missing.length > 0)
      world.laws.violations.push({ law: 'recovery', how: missing.slice(0, 6).join('; ') });
  }
  return {
    violations: world.laws.violations,
    steps: world.steps,
    fingerprint: world.story.fingerprint,
    lines: world.story.lines,
    figures: world.story.figures,
    committed: world.chronicle.last,
  };
}
