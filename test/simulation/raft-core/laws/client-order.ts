/**
 * Linearizability, as clients see it. The state is the log itself, so it is enough to compare indices: who
 * asks after somebody was answered gets a place above everything that was answered, and reads all of it.
 */
import type { Law } from '../law.ts';

export function clientOrder(_observed: unknown, broken: (how: string) => void): Law {
  let answered = 0;
  const floors = new Map<number, number>();
  return {
    name: 'client order',
    asked: ({ id }) => floors.set(id, answered),
    settled: (asked, settled) => {
      const floor = floors.get(asked.id) ?? 0;
      if (settled.kind === 'readable' && settled.index < floor)
        broken(`read ${asked.id} may miss ${floor}: ${asked.host.id} reads at ${settled.index}`);
      if (settled.kind !== 'committed') return;
      if (asked.kind === 'write' && settled.place.index <= floor)
        broken(`write ${asked.id} is at ${settled.place.index}, below ${floor} answered before`);
      answered = Math.max(answered, settled.place.index);
    },
    served: (asked, applied) => {
      if (applied < (floors.get(asked.id) ?? 0))
        broken(`read ${asked.id} was served at ${applied}, and misses what was answered before`);
      answered = Math.max(answered, applied);
    },
  };
}
