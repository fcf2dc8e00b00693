/** I2: what a store knows durably of terms never goes back, over all lives of its node. */
import { durableHardState } from '../durable.ts';
import type { Law } from '../law.ts';
import { MAIN } from '../node.ts';

export function monotone(_observed: unknown, broken: (how: string) => void): Law {
  const terms = new Map<string, number>();
  return {
    name: 'I2: terms never fall',
    opened: (node, { id }) => {
      if (id.id !== MAIN.id) return;
      const term = durableHardState(node.parts.disk, id)?.term ?? 0;
      const before = terms.get(node.storeId) ?? 0;
      if (term < before) broken(`${node.id} was in term ${before}, and begins again in ${term}`);
    },
    sent: (node, { id }, { term }) => {
      if (id !== MAIN.id) return;
      // A pre-vote asks for the term to come, and binds nobody to it.
      const durable = durableHardState(node.parts.disk, MAIN)?.term ?? 0;
      terms.set(node.storeId, Math.max(terms.get(node.storeId) ?? 0, Math.min(term, durable)));
    },
  };
}
