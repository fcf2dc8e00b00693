/** A plan run from beginning to end: safety while things go wrong, recovery, and the return of one who was away. */
import type { CoreMaker } from './core-under-test.ts';
import type { Violation } from './laws.ts';
import type { Plan } from './plan.ts';
import { Recovery } from './recovery.ts';
import type { Figures } from '../story.ts';
import { returning } from './returning.ts';
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
  blame(world, 'recovery', () => new Recovery(world).run());
  if (plan.returning) blame(world, 'returning', () => returning(world));
  return {
    violations: world.laws.violations,
    steps: world.steps,
    fingerprint: world.story.fingerprint,
    lines: world.story.lines,
    figures: world.story.figures,
    committed: world.chronicle.last,
  };
}

/** Runs a phase, unless a law is broken already. */
function blame(world: World, law: string, phase: () => readonly string[]): void {
  if (world.broken) return;
  const missing = phase();
  if (missing.length > 0) world.laws.violations.push({ law, how: missing.slice(0, 6).join('; ') });
}
