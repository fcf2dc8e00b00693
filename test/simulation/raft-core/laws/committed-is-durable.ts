/**
 * I1 for groups: when an index is first said to be committed, it is on the disks of a majority of those
 * who vote, of both halves while the members change. What a disk holds is looked up by store, so an
 * empty disk under an old name counts for nothing.
 */
import type { Configuration, Member } from '../../../../src/protocols/raft/core/configuration.ts';
import type { Place } from '../../../../src/protocols/raft/core/entry.ts';
import type { Law, Observed } from '../law.ts';

export function committedIsDurable(
  { chronicle, stores }: Observed,
  broken: (how: string) => void,
): Law {
  let checked = 0;
  const majorityHolds = (members: readonly Member[], place: Place): boolean => {
    const holders = members.filter(({ store }) => stores.get(store)?.holds(place) === true);
    return holders.length * 2 > members.length;
  };
  const durable = ({ voters, outgoing }: Configuration, place: Place): boolean =>
    majorityHolds(voters, place) && (outgoing.length === 0 || majorityHolds(outgoing, place));
  return {
    name: 'committed is durable',
    committed: (host, _from, to) => {
      if (to <= checked) return;
      checked = to;
      const entry = chronicle.at(to)?.entry;
      const { configuration } = host.status;
      if (entry === undefined) return;
      if (!durable(configuration, entry))
        broken(`${host.id} says ${to} is committed before a majority has it on disk`);
    },
  };
}
