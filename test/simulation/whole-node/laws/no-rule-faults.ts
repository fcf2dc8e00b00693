/** I11: no command of a client makes a rule of the source fail. */
import type { Law } from '../law.ts';
import { STUMBLE } from '../stumbling.ts';

export function noRuleFaults(_observed: unknown, broken: (how: string) => void): Law {
  return {
    name: 'I11: no rule fails',
    decided: ({ id }, { type, index }, outcome) => {
      if (type === STUMBLE) return;
      if (outcome.kind === 'refused' && outcome.code === 'rule-fault')
        broken(`${type}, entry ${index} of ${id}, made its rule fail`);
      if (outcome.kind === 'skipped') broken(`${type}, entry ${index} of ${id}, is unknown`);
    },
  };
}
