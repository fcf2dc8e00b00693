/** I1: when a caller hears of an entry, it is durable on a majority of the voters. */
import { type Member, type Members, NO_MEMBERS } from '../../../../src/log/members.ts';
import { MAIN, type SimulatedNode } from '../node.ts';
import { holdsDurably } from '../durable.ts';
import type { Law, Observed } from '../law.ts';

export function answeredIsDurable(
  { nodes, lostStores }: Observed,
  broken: (how: string) => void,
): Law {
  const holds = ({ id, store }: Member, index: number): boolean =>
    lostStores.has(store) ||
    nodes.some((node) => node.id === id && holdsDurably(node.parts.disk, MAIN, index));
  return {
    name: 'I1: answered is durable on a majority',
    answered: (node, { type }, answer) => {
      const { voters, outgoing } = membersIn(nodes);
      if (answer.kind !== 'answered' || voters.length === 0) return;
      const { index } = answer;
      // While a change is under way what was committed before it counts by those who voted then.
      const isKept = [voters, outgoing].some(
        (members) => members.filter((member) => holds(member, index)).length * 2 > members.length,
      );
      if (!isKept)
        broken(`${node.id} answers ${type} by entry ${index}, which a majority may lose`);
    },
  };
}

/** Who takes part, as the node says that has come furthest. */
function membersIn(nodes: readonly SimulatedNode[]): Members {
  const machines = nodes.flatMap(({ running }) => running?.main ?? []);
  const furthest = machines.sort(
    (one, other) => other.machine.position.index - one.machine.position.index,
  )[0];
  return furthest?.members() ?? NO_MEMBERS;
}
