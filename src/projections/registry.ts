/** Which projections fold which kind of group. Adding a projection is its file and its line here. */
import { assignments } from './assignments/assignments.ts';
import { gpuPowers } from './gpu-power.ts';
import { GROUP_KINDS, type GroupKind } from './groups/group-table.ts';
import { groups } from './groups/groups.ts';
import { seal } from './groups/seal.ts';
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
  groups,
];

/** What every group can, whatever it is for: retries are recognised, leases are kept, it can be sealed. */
const EVERY_GROUP: readonly Projection[] = [rules, sessions, locks, seal];

/** The projections of every other group, by its kind. */
export const GROUP_PROJECTIONS: Readonly<Record<GroupKind, readonly Projection[]>> = {
  job: EVERY_GROUP,
  gate: EVERY_GROUP,
};

/** Those of a group by its name, for who has nothing of it but its log. */
export function projectionsOf(group: string): readonly Projection[] {
  const kind = GROUP_KINDS.find((known) => group.startsWith(`${known}/`));
  return kind === undefined ? MAIN_PROJECTIONS : GROUP_PROJECTIONS[kind];
}
