/** Leader completeness (Raft, figure 3): what was committed in a term is in the log of every leader of later terms. */
import type { Host } from '../host.ts';
import type { Law, Observed } from '../law.ts';

export function leaderCompleteness(
  { hosts, chronicle }: Observed,
  broken: (how: string) => void,
): Law {
  const lacks = (host: Host, term: number): void => {
    const committed = chronicle.at(chronicle.lastBefore(term));
    if (committed === undefined || host.disk.issued.holds(committed.entry)) return;
    const { entry, by } = committed;
    broken(`${host.id} leads term ${term} without entry ${entry.index} of term ${by}`);
  };
  return {
    name: 'leader completeness',
    became: (host, role, term) => {
      if (role === 'leader') lacks(host, term);
    },
    committed: (teller) => {
      for (const host of hosts)
        if (host.leads && host.status.term > teller.status.term) lacks(host, host.status.term);
    },
  };
}
