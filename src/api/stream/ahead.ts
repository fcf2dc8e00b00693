/**
 * A client may have heard from another node what this one has not applied yet, when it comes here to go on.
 * Its cursor is not wrong then: it waits until this node is there.
 *
 * ```
 *  cursor ≤ applied here ─▶ go on        ≤ committed ─▶ wait, go on        beyond ─▶ of another history: the stream says so
 * ```
 */
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import type { AppliedIndex } from '../applied-index.ts';
import { answeredWithin } from '../rest/deadline.ts';
import { problem, type Problem } from '../wire/problem.ts';

/** For each of the two: asking how far the group is, and being there. Beyond it the client is told to come again. */
const WAIT_MS_MAX: Milliseconds = 5_000;

interface Here {
  readonly group: Group;
  readonly clock: Clock;
  readonly applied: AppliedIndex;
}

/** Waits until this node has what the client has. @returns why it is not there, if so */
export async function behind(here: Here, cursor: number): Promise<Problem | undefined> {
  const { group, clock } = here;
  if (cursor <= group.machine.position.index) return undefined;
  const point = await answeredWithin(group.read(), {
    clock,
    within: WAIT_MS_MAX,
    otherwise: UNANSWERED,
  });
  if (point.kind === 'refused')
    return problem(point.code, 'nobody can say whether the group is as far as you are');
  return cursor > point.index ? undefined : arrival(here, cursor);
}

type Point = Awaited<ReturnType<Group['read']>>;

const UNANSWERED: Point = { kind: 'refused', code: 'no-leader' };

async function arrival({ group, applied }: Here, wanted: number): Promise<Problem | undefined> {
  const waited = await applied.reaches({ index: wanted, within: WAIT_MS_MAX });
  if (waited === 'reached') return undefined;
  const { index } = group.machine.position;
  return problem('behind', `entry ${wanted} is not applied here`, { index, wanted });
}
