/** I3: a node applies the entries of a group in order, each once in a life. */
import type { Group } from '../../../../src/protocols/coordinator/group.ts';
import type { Law } from '../law.ts';

export function inOrder(_observed: unknown, broken: (how: string) => void): Law {
  const positions = new WeakMap<Group, number>();
  return {
    name: 'I3: applied in order, once',
    applied: (node, group, { index }) => {
      const before = positions.get(group);
      positions.set(group, index);
      // Only a snapshot leaps, and only forward.
      if (before !== undefined && index <= before)
        broken(`${node.id} applies entry ${index} of ${group.id.id} after ${before}`);
    },
  };
}
