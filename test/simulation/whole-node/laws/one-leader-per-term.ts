/** I2: election safety (Raft, figure 3): at most one leader can be elected in a given term, of every group. */
import type { Law } from '../law.ts';

export function oneLeaderPerTerm(_observed: unknown, broken: (how: string) => void): Law {
  const leaders = new Map<string, string>();
  return {
    name: 'I2: one leader per term',
    traced: (node, { id, incarnation }, trace) => {
      if (trace.kind !== 'became' || trace.role !== 'leader') return;
      const key = `${id}@${incarnation} term ${trace.term}`;
      const life = `${node.id} in life ${node.lives}`;
      const known = leaders.get(key);
      if (known !== undefined && known !== life) broken(`${known} and ${life} lead ${key}`);
      leaders.set(key, life);
    },
  };
}
