/** A leader never takes back or replaces what is in its log (Raft, figure 3). */
import type { Host } from '../host.ts';
import type { Law } from '../law.ts';

export function leaderAppendOnly(_observed: unknown, broken: (how: string) => void): Law {
  const leadsOn = ({ previous, status }: Host): boolean =>
    previous.role === 'leader' && status.role === 'leader' && previous.term === status.term;
  return {
    name: 'leader append-only',
    wrote: (host, { truncate_from: from, snapshot }) => {
      if (!leadsOn(host)) return;
      if (from !== undefined && from <= host.disk.issued.last.index)
        broken(`${host.id} leads term ${host.status.term} and takes back its log from ${from}`);
      if (snapshot !== undefined)
        broken(`${host.id} leads term ${host.status.term} and replaces its log by a snapshot`);
    },
  };
}
