/** I2: a store votes for one candidate per term, over all lives of its node. */
import type { Law } from '../law.ts';

export function oneVotePerTerm(_observed: unknown, broken: (how: string) => void): Law {
  const votes = new Map<string, string>();
  return {
    name: 'I2: one vote per term',
    sent: (node, { id, incarnation }, message) => {
      if (message.kind !== 'request_vote_response' || message.pre || !message.granted) return;
      const vote = `store ${node.storeId} of ${node.id}, ${id}@${incarnation}, term ${message.term}`;
      const known = votes.get(vote);
      if (known !== undefined && known !== message.to)
        broken(`${vote} votes for ${known} and for ${message.to}`);
      votes.set(vote, message.to);
    },
  };
}
