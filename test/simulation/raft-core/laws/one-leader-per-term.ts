/** Election safety (Raft, figure 3): at most one store leads a term, also at different times. */
import type { Host } from '../host.ts';
import type { Law } from '../law.ts';

export function oneLeaderPerTerm(_observed: unknown, broken: (how: string) => void): Law {
  const leaders = new Map<number, string>();
  const leads = (host: Host, term: number): void => {
    const known = leaders.get(term);
    if (known === undefined) leaders.set(term, host.store);
    else if (known !== host.store) broken(`term ${term} is led by ${known} and by ${host.store}`);
  };
  return {
    name: 'one leader per term',
    became: (host, role, term) => {
      if (role === 'leader') leads(host, term);
    },
    sent: (host, message) => {
      if (message.kind === 'append_entries') leads(host, message.term);
    },
  };
}
