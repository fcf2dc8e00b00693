/** I3: a machine that is told the log from its first entry on becomes what the live ones are. */
import { decodeEntry } from '../../../../src/log/command.ts';
import { Machine } from '../../../../src/projections/machine.ts';
import { stateRoot } from '../state-root.ts';
import type { Law, Observed } from '../law.ts';
import { MAIN } from '../node.ts';
import { SIMULATED_PROJECTIONS } from '../stumbling.ts';

export function replayedIsLive(
  { chronicles, nodes }: Observed,
  broken: (how: string) => void,
): Law {
  return {
    name: 'I3: replayed is live',
    ended: () => {
      const replayed = new Machine({ projections: SIMULATED_PROJECTIONS });
      for (const frame of chronicles.of(MAIN).frames()) replayed.apply(decodeEntry(frame));
      const expected = stateRoot(replayed);
      for (const { id, running } of nodes) {
        const machine = running?.main.machine;
        if (machine === undefined || machine.position.index !== replayed.position.index) continue;
        if (machine.digest() !== replayed.digest())
          broken(`${id} decided differently than a replay`);
        else if (stateRoot(machine) !== expected) broken(`${id} has other tables than a replay`);
      }
    },
  };
}
