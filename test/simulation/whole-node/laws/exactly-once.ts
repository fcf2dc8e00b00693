/** I4: a command that was asked more than once is applied once, and answered with the same. */
import { packr } from '../../../../src/log/command.ts';
import type { RetryMark } from '../../../../src/log/command.ts';
import type { Law } from '../law.ts';

export function exactlyOnce(_observed: unknown, broken: (how: string) => void): Law {
  const applied = new Map<string, number>();
  const answers = new Map<string, string>();
  return {
    name: 'I4: exactly once',
    decided: (group, { once, actor, index, type }, outcome) => {
      if (once === undefined || outcome.kind !== 'applied') return;
      const mark = `${group.id}@${group.incarnation} ${markOf(actor, once)}`;
      const before = applied.get(mark);
      if (before !== undefined) broken(`${type} ${mark} is applied by ${before} and by ${index}`);
      applied.set(mark, index);
    },
    answered: (_node, { once, actor, type }, answer) => {
      if (once === undefined || answer.kind !== 'answered') return;
      const { outcome } = answer;
      // A refusal that leaves no memory may become something better when it is asked again.
      if (outcome.kind !== 'applied') return;
      const mark = markOf(actor, once);
      const said = packr.pack(outcome).toString('latin1');
      const before = answers.get(mark);
      if (before !== undefined && before !== said)
        broken(`${type} ${mark} is answered differently`);
      answers.set(mark, said);
    },
  };
}

function markOf(actor = '', once: RetryMark): string {
  return `${actor} ${'key' in once ? once.key : `${once.session}/${once.seq}`}`;
}
