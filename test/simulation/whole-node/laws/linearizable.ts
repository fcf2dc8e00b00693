/** I4, I5: what clients were told of each object can have happened in one order (Herlihy and Wing, 1990). */
import { modelOf } from '../../../linearizability/models/models.ts';
import { check } from '../../../linearizability/verdict.ts';
import type { Law, Observed } from '../law.ts';

export function linearizable({ history }: Observed, broken: (how: string) => void): Law {
  return {
    name: 'linearizable',
    ended: () => {
      const verdict = check(history(), modelOf, { steps: 200_000 });
      if (verdict.kind !== 'violation') return;
      const { key, culprit, window, possible } = verdict.violation;
      broken(
        `${key}: nothing explains ${JSON.stringify(culprit)}; possible ${JSON.stringify(possible)}; with ${JSON.stringify(window)}`,
      );
    },
  };
}
