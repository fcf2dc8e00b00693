/** I2, I3: at one index every node applies the same entry, and it leads to the same outcome, live or replayed. */
import type { Law, Observed } from '../law.ts';

export function samePrefix({ chronicles }: Observed, broken: (how: string) => void): Law {
  return {
    name: 'I3: same prefix, same outcomes',
    applied: (node, group, { index, frame, outcome }) => {
      const known = chronicles.of(group.id).at(index);
      if (known === undefined) return;
      const where = `entry ${index} of ${group.id.id}`;
      if (!known.frame.equals(frame))
        broken(`${node.id} applies another ${where} than ${known.by} did`);
      else if (outcome !== undefined && !Buffer.from(outcome).equals(known.outcome))
        broken(`${where} leads to something else at ${node.id} than at ${known.by}`);
    },
  };
}
