/** I2: leader completeness (Raft, figure 3): a new leader's log has everything that was committed before its term. */
import { placeOf } from '../../../../src/log/frame.ts';
import type { Law, Observed } from '../law.ts';
import { MAIN } from '../node.ts';

export function leaderCompleteness({ chronicles }: Observed, broken: (how: string) => void): Law {
  return {
    name: 'I2: leader completeness',
    traced: (node, group, trace) => {
      if (trace.kind !== 'became' || trace.role !== 'leader' || group.id !== MAIN.id) return;
      if (node.running === undefined) return;
      const chronicle = chronicles.of(group);
      const { last } = node.running.log.bounds(group);
      const missing = chronicle.at(last + 1);
      if (missing === undefined || placeOf(missing.frame).term >= trace.term) return;
      broken(
        `${node.id} leads term ${trace.term} with a log up to ${last}, but ${chronicle.last} was applied before`,
      );
    },
  };
}
