/**
 * Log matching (Raft, figure 3): equal index and term mean equal entry and equal predecessor, in every log
 * that ever was. By induction all that comes before is equal too.
 */
import type { Entry } from '../../../../src/protocols/raft/core/entry.ts';
import type { Law } from '../law.ts';
import { numberOf } from '../frames.ts';

/** More indices than a run has. */
const INDICES = 2 ** 26;

interface Seen {
  readonly number: number;
  readonly before: number;
}

export function logMatching(_observed: unknown, broken: (how: string) => void): Law {
  const seen = new Map<number, Seen>();
  const compare = (id: string, entry: Entry, before: number): void => {
    const key = entry.term * INDICES + entry.index;
    const number = numberOf(entry.frame);
    const known = seen.get(key);
    if (known === undefined) seen.set(key, { number, before });
    else if (known.number !== number || known.before !== before)
      broken(`${id} has another entry at ${entry.term}.${entry.index} than another log had`);
  };
  return {
    name: 'log matching',
    wrote: ({ id, disk: { issued } }, { truncate_from: from, entries, snapshot }) => {
      let last = snapshot ?? issued.last;
      if (from !== undefined && from <= last.index)
        last = { index: from - 1, term: issued.termOf(from - 1) ?? NaN };
      for (const entry of entries) {
        if (entry.index !== last.index + 1)
          broken(`${id} writes entry ${entry.index} after ${last.index}`);
        if (entry.term < last.term)
          broken(`${id} writes an entry of term ${entry.term} after one of ${last.term}`);
        compare(id, entry, last.term);
        last = entry;
      }
    },
  };
}
