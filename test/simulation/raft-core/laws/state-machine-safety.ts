/**
 * State-machine safety (Raft, figure 3): no two nodes apply different entries at one index, each applies
 * every index once and in order, and a snapshot stands for exactly what was committed below it.
 */
import type { Law, Observed } from '../law.ts';
import { numberOf } from '../frames.ts';

export function stateMachineSafety({ chronicle }: Observed, broken: (how: string) => void): Law {
  return {
    name: 'state-machine safety',
    committed: (host, from, to) => {
      const { issued } = host.disk;
      for (let index = Math.max(from, issued.floor.index) + 1; index <= to; index += 1) {
        const entry = issued.entry(index);
        if (entry === undefined) broken(`${host.id} commits ${index}, which it does not have`);
        else if (!chronicle.isCommitted(entry))
          broken(`${host.id} commits another entry at ${index} than was committed before`);
      }
    },
    applied: (host, entry) => {
      const committed = chronicle.at(entry.index);
      if (entry.index !== host.applied) broken(`${host.id} applies ${entry.index} out of order`);
      if (committed === undefined) broken(`${host.id} applies ${entry.index}, not committed`);
      else if (numberOf(committed.entry.frame) !== numberOf(entry.frame))
        broken(`${host.id} applies another entry at ${entry.index} than others`);
      else if (committed.digest !== host.digest)
        broken(`${host.id} has another machine than others after ${entry.index}`);
    },
    installed: (host, { place, digest }) => {
      if (chronicle.digestAt(place.index) !== digest)
        broken(`${host.id} takes a snapshot at ${place.index} that is not what was committed`);
    },
  };
}
