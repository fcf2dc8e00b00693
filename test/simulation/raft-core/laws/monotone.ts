/** What never runs backwards: terms on a disk, commit and applied index of a life, what a leader knows a follower has. */
import type { PeerStatus } from '../../../../src/protocols/raft/core/status.ts';
import type { Host } from '../host.ts';
import type { Law } from '../law.ts';

export function monotone(_observed: unknown, broken: (how: string) => void): Law {
  const matches = ({ previous, status, id, previousLife, life }: Host): void => {
    const leadsOn = previous.role === 'leader' && status.role === 'leader';
    if (!leadsOn || previous.term !== status.term || previousLife !== life) return;
    for (const peer of status.peers) {
      const before = previous.peers.find((one: PeerStatus) => one.id === peer.id);
      const sameStore = storeOf(previous, peer.id) === storeOf(status, peer.id);
      if (before !== undefined && sameStore && peer.match < before.match)
        broken(`${id} believed ${peer.id} to have ${before.match}, and now ${peer.match}`);
    }
  };
  return {
    name: 'monotone',
    wrote: ({ id, disk: { issued } }, { hard }) => {
      if (hard === undefined) return;
      const { term, vote } = issued.hard;
      if (hard.term < term) broken(`${id} writes term ${hard.term} after ${term}`);
      if (hard.term === term && vote !== '' && hard.vote !== vote)
        broken(`${id} writes a vote for ${hard.vote} after one for ${vote} in term ${term}`);
    },
    turned: (host) => {
      const { id, previous, status, previousLife, life, commit, applied } = host;
      if (previousLife === life && status.commit < previous.commit)
        broken(`${id} had committed ${previous.commit}, and now ${status.commit}`);
      if (previousLife === life && status.term < previous.term)
        broken(`${id} was in term ${previous.term}, and now in ${status.term}`);
      if (applied > commit) broken(`${id} applied ${applied}, and committed ${commit}`);
      if (status.floor.index > status.applied)
        broken(`${id} compacted up to ${status.floor.index}, applied ${status.applied}`);
      if (status.commit > status.last.index)
        broken(`${id} committed ${status.commit}, its log ends at ${status.last.index}`);
      matches(host);
    },
  };
}

function storeOf({ configuration }: Host['status'], id: string): string | undefined {
  const { voters, outgoing, learners } = configuration;
  return [...voters, ...learners, ...outgoing].find((member) => member.id === id)?.store;
}
