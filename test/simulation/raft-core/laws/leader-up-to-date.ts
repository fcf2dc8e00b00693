/**
 * A leader's log is at least as up to date as that of everybody who voted for it (Raft §5.4.1): the last entry
 * of a later term, or of the same term and no lower index. What counts is the log it has, not the one it claims.
 */
import type { Place } from '../../../../src/protocols/raft/core/entry.ts';
import type { Law } from '../law.ts';
import type { LogImage } from '../log-image.ts';

const NOTHING: Place = { term: 0, index: 0 };

export function leaderUpToDate(_observed: unknown, broken: (how: string) => void): Law {
  const candidates = new Map<string, Place>();
  return {
    name: 'leader up to date',
    sent: (host, message) => {
      const { issued } = host.disk;
      if (message.kind === 'request_vote' && !message.pre)
        candidates.set(`${host.store} ${message.term}`, issued.last);
      if (message.kind !== 'request_vote_response' || message.pre || !message.granted) return;
      // A vote may leave late, with what the one it elected has sent meanwhile.
      const last = lastBefore(issued, message.term);
      const candidate = candidates.get(`${message.asker} ${message.term}`);
      if (candidate !== undefined && isBehind(candidate, last))
        broken(
          `${host.id}, whose log ends at ${told(last)}, votes for ${message.to} of ${told(candidate)}`,
        );
    },
  };
}

/** The newest entry of an earlier term. */
function lastBefore({ entries, floor }: LogImage, term: number): Place {
  return entries.findLast((entry) => entry.term < term) ?? (floor.term < term ? floor : NOTHING);
}

function isBehind(one: Place, other: Place): boolean {
  return one.term < other.term || (one.term === other.term && one.index < other.index);
}

function told({ term, index }: Place): string {
  return `${term}.${index}`;
}
