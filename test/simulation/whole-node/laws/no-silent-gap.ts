/**
 * I6: whoever follows the log is told every entry once, in order, the same as everybody else, or that it is
 * compacted, and then rightly.
 */
import type { Law, Observed } from '../law.ts';
import { MAIN } from '../node.ts';

export function noSilentGap({ chronicles }: Observed, broken: (how: string) => void): Law {
  return {
    name: 'I6: no silent gap',
    followed: (cursor, { index, frame, outcome }) => {
      const known = chronicles.of(MAIN).at(index);
      if (index !== cursor + 1) broken(`entry ${index} comes after ${cursor}`);
      else if (known === undefined) return;
      else if (!known.frame.equals(frame)) broken(`entry ${index} is not what was agreed`);
      else if (!known.outcome.every((byte, at) => byte === outcome[at]))
        broken(`entry ${index} is told with another outcome`);
    },
    compacted: (cursor, oldest) => {
      if (oldest <= cursor + 1) broken(`compacted up to ${oldest}, asked ${cursor + 1}`);
    },
  };
}
