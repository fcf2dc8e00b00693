/** The tables of a machine as one text: the roots a snapshot of them would have. */
import type { Machine } from '../../../src/projections/machine.ts';
import { cutSnapshot, encodeSnapshot } from '../../../src/projections/snapshot.ts';

const NOBODY = {
  group: '',
  incarnation: 0,
  configuration: { voters: [], outgoing: [], learners: [] },
};

export function stateRoot(machine: Machine): string {
  const slices = encodeSnapshot(cutSnapshot(machine), NOBODY);
  for (;;) {
    const slice = slices.next();
    if (slice.done === true) return JSON.stringify(slice.value.roots);
  }
}
