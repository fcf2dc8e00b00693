/**
 * I11: a rule that fails becomes a refusal on every node, what it had changed is taken back, and no node ends
 * of it. That the log goes on is seen by what comes after.
 */
import type { Law, Observed } from '../law.ts';
import { STUMBLE, STUMBLES } from '../stumbling.ts';

export function failedRulesChangeNothing({ nodes }: Observed, broken: (how: string) => void): Law {
  return {
    name: 'I11: a failed rule changes nothing',
    decided: (_group, { type, index }, outcome) => {
      if (type !== STUMBLE) return;
      if (outcome.kind !== 'refused' || outcome.code !== 'rule-fault')
        broken(`entry ${index}, whose rule fails, is ${outcome.kind}`);
    },
    ended: () => {
      for (const { id, running } of nodes) {
        const { size } = running?.main.machine.tables.of(STUMBLES) ?? { size: 0 };
        if (size > 0) broken(`${id} keeps ${size} rows of rules that failed`);
      }
    },
  };
}
