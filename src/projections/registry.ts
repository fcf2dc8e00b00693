/** Which projections fold which kind of group. Adding a projection is its file and its line here. */
import { assignments } from './assignments/assignments.ts';
import { gpuPowers } from './gpu-power.ts';
import { locks } from './locks/locks.ts';
import type { Projection } from './projection.ts';
import { rules } from './rules.ts';
import { sessions } from './sessions.ts';
import { workQueue } from './work-queue/work-queue.ts';

/** The projections of the group `main`, in the order in which their duties are proposed. */
export const MAIN_PROJECTIONS: readonly Projection[] = [
  rules,
  sessions,
  locks,
  assignments,
  gpuPowers,
  workQueue,
];
