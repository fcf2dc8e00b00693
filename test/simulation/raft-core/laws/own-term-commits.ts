/** A leader commits by counting only up to an entry of its own term (Raft §5.4.2, figure 8). */
import type { Law } from '../law.ts';

export function ownTermCommits(_observed: unknown, broken: (how: string) => void): Law {
  return {
    name: 'own term commits',
    committed: (host, _from, to) => {
      const { previous, status } = host;
      const leadsOn = previous.role === 'leader' && status.role === 'leader';
      if (!leadsOn || previous.term !== status.term) return;
      const term = host.disk.issued.termOf(to);
      if (term !== status.term)
        broken(`${host.id} leads term ${status.term} and commits ${to} of term ${term}`);
    },
  };
}
