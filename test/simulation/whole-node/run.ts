/** A plan run from beginning to end: safety while things go wrong, recovery, then a clean exit of every node. */
import type { Violation } from '../raft-core/laws.ts';
import type { Figures } from '../story.ts';
import { MAIN, type Seams, type SimulatedNode } from './node.ts';
import type { Plan } from './plan.ts';
import { Recovery } from './recovery.ts';
import { told } from './told.ts';
import { LINGERS_MS } from './trouble.ts';
import { World } from './world.ts';

/** A clean exit of all nodes together takes at most so long. */
const EXIT_MS = 30_000;

export interface Outcome {
  readonly violations: readonly Violation[];
  readonly events: number;
  /** Equal for equal runs. */
  readonly fingerprint: number;
  readonly lines: readonly string[];
  readonly figures: Figures;
  readonly committed: number;
}

export async function run(plan: Plan, seams: Seams = {}, recorded = false): Promise<Outcome> {
  const world = new World(plan, seams, recorded);
  await world.runUntil(plan.milliseconds);
  if (!world.broken) await new Recovery(world).run();
  if (!world.broken) world.laws.tell('ended');
  if (!world.broken) await exit(world);
  return {
    violations: world.laws.violations,
    events: world.loop.events,
    fingerprint: world.story.fingerprint,
    lines: world.story.lines,
    figures: world.story.figures,
    committed: world.chronicles.of(MAIN).last,
  };
}

/** Every node stops: how, `laws/clean-exit.ts` judges. */
async function exit(world: World): Promise<void> {
  const { nodes, loop } = world;
  const running = new Set(nodes.map(({ id }) => id));
  const stopped = (node: SimulatedNode): void => {
    running.delete(node.id);
    world.laws.tell('stopped', node, node.life);
  };
  for (const node of nodes)
    node.life.run(() => {
      node.stop().then(
        () => loop.after(LINGERS_MS, () => stopped(node)),
        (error: unknown) => world.laws.tell('stopFailed', node, told(error)),
      );
    });
  const began = loop.now;
  await world.runUntil(began + EXIT_MS, () => running.size === 0);
  if (world.broken) return;
  for (const node of nodes.filter(({ id }) => running.has(id)))
    world.laws.tell('stopsNever', node, began);
}
