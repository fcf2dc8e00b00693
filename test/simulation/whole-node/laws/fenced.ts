/** I5: tokens of a grant only rise, and nobody is granted what another holds. */
import type { Law } from '../law.ts';

interface Standing {
  token: number;
  /** Undefined: nobody. */
  holder: string | undefined;
  /** From then on, in log time, it is void, announced or not. */
  deadline: number;
}

/** Facts as the rules tell them. */
interface Told {
  readonly type: string;
  readonly name?: string;
  readonly work_id?: string;
  readonly owner?: string;
  readonly node_id?: string;
  readonly token?: number;
  readonly deadline_at?: number;
}

const GRANTS: ReadonlySet<string> = new Set(['lock_acquired', 'work_claimed']);
const EXTENDS: ReadonlySet<string> = new Set(['lock_renewed', 'work_extended']);
const ENDS: ReadonlySet<string> = new Set([
  'lock_released',
  'lock_delayed',
  'lock_expired',
  'work_completed',
  'work_failed',
  'work_released',
  'work_cancelled',
  'work_expired',
]);

export function fenced(_observed: unknown, broken: (how: string) => void): Law {
  const standings = new Map<string, Standing>();
  const grant = (what: string, fact: Told, at: number): void => {
    const { token = 0, deadline_at: deadline = 0 } = fact;
    const holder = fact.owner ?? fact.node_id;
    const before = standings.get(what);
    if (before !== undefined && token <= before.token)
      broken(`${what} is granted under token ${token} after ${before.token}`);
    const isHeld = before?.holder !== undefined && at < before.deadline;
    if (isHeld && before.holder !== holder)
      broken(`${what} is granted to ${holder} while ${before.holder} holds it`);
    standings.set(what, { token, holder, deadline });
  };
  return {
    name: 'I5: fenced',
    decided: (group, { at }, outcome) => {
      if (outcome.kind !== 'applied') return;
      for (const fact of outcome.facts as readonly Told[]) {
        const what = `${group.id}@${group.incarnation} ${fact.name ?? fact.work_id}`;
        if (GRANTS.has(fact.type)) grant(what, fact, at);
        const standing = standings.get(what);
        if (standing === undefined) continue;
        if (EXTENDS.has(fact.type)) standing.deadline = fact.deadline_at ?? standing.deadline;
        if (ENDS.has(fact.type)) standing.holder = undefined;
      }
    },
  };
}
