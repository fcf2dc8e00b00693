/** What a follower told the leader of its term it has, it keeps as long as it follows that term. */
import type { Law } from '../law.ts';

interface Told {
  readonly term: number;
  readonly match: number;
}

export function acknowledgedIsKept(_observed: unknown, broken: (how: string) => void): Law {
  const told = new Map<string, Told>();
  return {
    name: 'acknowledged is kept',
    sent: ({ store }, message) => {
      if (message.kind !== 'append_entries_response' || !message.success) return;
      const { term, match } = message;
      const known = told.get(store);
      if (known === undefined || known.term < term) told.set(store, { term, match });
      else if (known.term === term && known.match < match) told.set(store, { term, match });
    },
    wrote: (host, { hard, truncate_from: from, snapshot }) => {
      const known = told.get(host.store);
      const term = hard?.term ?? host.disk.issued.hard.term;
      if (known?.term !== term) return;
      const cut = snapshot === undefined ? from : snapshot.index + 1;
      if (cut !== undefined && cut <= Math.min(known.match, host.disk.issued.last.index))
        broken(
          `${host.id} takes back ${cut} after telling term ${term} that it has ${known.match}`,
        );
    },
  };
}
