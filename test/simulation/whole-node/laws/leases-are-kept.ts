/** I5: nobody's grant is ended for its time before its time was over, by the log's own clock. */
import type { Law } from '../law.ts';

interface Told {
  readonly type: string;
  readonly name?: string;
  readonly work_id?: string;
  readonly deadline_at?: number;
  readonly reason?: string;
}

const EXTENDS: ReadonlySet<string> = new Set([
  'lock_acquired',
  'lock_renewed',
  'work_claimed',
  'work_extended',
]);

export function leasesAreKept(_observed: unknown, broken: (how: string) => void): Law {
  const deadlines = new Map<string, number>();
  let last = 0;
  return {
    name: 'I5: leases are kept, log time never runs back',
    decided: (group, { at, index }, outcome) => {
      if (group.id === 'main') {
        if (at < last) broken(`entry ${index} is stamped ${at}, after ${last}`);
        last = at;
      }
      if (outcome.kind !== 'applied') return;
      for (const fact of outcome.facts as readonly Told[]) {
        const what = `${group.id}@${group.incarnation} ${fact.name ?? fact.work_id}`;
        if (EXTENDS.has(fact.type) && fact.deadline_at !== undefined)
          deadlines.set(what, fact.deadline_at);
        const isExpiry = fact.type === 'lock_expired' || fact.reason === 'lease-expired';
        const deadline = deadlines.get(what);
        if (isExpiry && deadline !== undefined && at < deadline)
          broken(`${what} ends at ${at}, before its deadline ${deadline}`);
      }
    },
  };
}
