/** I9: a node that is asked to stop does so within a bound, without a fault, and leaves no timer behind. */
import type { Law } from '../law.ts';

export function cleanExit(_observed: unknown, broken: (how: string) => void): Law {
  return {
    name: 'I9: clean exit',
    stopped: ({ id }, { timers }) => {
      if (timers > 0) broken(`${id} leaves ${timers} timers behind`);
    },
    stopFailed: ({ id }, how) => broken(`${id} fails to stop: ${how}`),
    stopsNever: ({ id }, askedAt) => broken(`${id} does not stop, asked at ${askedAt}`),
  };
}
