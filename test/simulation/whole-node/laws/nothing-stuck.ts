/** I7: when faults end and a majority lives, all is well again within a bound; `recovery.ts` looks for what is not. */
import type { Law } from '../law.ts';

export function nothingStuck(_observed: unknown, broken: (how: string) => void): Law {
  return {
    name: 'I7: nothing stuck',
    recovered: (missing) => {
      if (missing.length > 0) broken(missing.slice(0, 6).join('; '));
    },
  };
}
