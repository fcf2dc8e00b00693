/** A store gives at most one vote in a term, itself included, through any number of restarts (Raft §5.2). */
import type { Law } from '../law.ts';

export function oneVotePerTerm(_observed: unknown, broken: (how: string) => void): Law {
  const votes = new Map<string, string>();
  const votesFor = (store: string, term: number, candidate: string): void => {
    const key = `${store} ${term}`;
    const known = votes.get(key);
    if (known === undefined) votes.set(key, candidate);
    else if (known !== candidate)
      broken(`${store} votes in term ${term} for ${known} and for ${candidate}`);
  };
  return {
    name: 'one vote per term',
    sent: (host, message) => {
      if (message.kind === 'request_vote' && !message.pre)
        votesFor(host.store, message.term, host.id);
      if (message.kind === 'request_vote_response' && !message.pre && message.granted)
        votesFor(host.store, message.term, message.to);
    },
  };
}
