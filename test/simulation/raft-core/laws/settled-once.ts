/**
 * Every id is settled once, in the life that was asked, and truly: what is said to be committed stands
 * where it is said to; what was refused or superseded never does.
 */
import type { Place } from '../../../../src/protocols/raft/core/entry.ts';
import type { Asked } from '../asked.ts';
import { kindOf, numberOf } from '../frames.ts';
import type { Law, Observed } from '../law.ts';

export function settledOnce({ chronicle }: Observed, broken: (how: string) => void): Law {
  const never = new Set<number>();
  const seen = new Set<number>();
  const stands = (asked: Asked, place: Place): void => {
    const entry = chronicle.at(place.index)?.entry;
    if (entry?.term !== place.term || numberOf(entry.frame) !== asked.number)
      broken(`${asked.host.id} says ${asked.id} is at ${place.term}.${place.index}, and it is not`);
  };
  return {
    name: 'settled once',
    settled: (asked, settled) => {
      if (asked.outcome !== undefined)
        broken(`${asked.id} is ${asked.outcome} and then ${settled.kind}`);
      if (asked.life !== asked.host.life)
        broken(`${asked.id} is settled by another life than was asked`);
      if (asked.kind !== 'write') return;
      if (settled.kind === 'committed') stands(asked, settled.place);
      if (settled.kind === 'refused' || settled.kind === 'superseded') never.add(asked.number);
      if (never.has(asked.number) && seen.has(asked.number))
        broken(`${asked.id} is said to be ${settled.kind}, and was applied`);
    },
    applied: (host, { index, frame }) => {
      const number = numberOf(frame);
      if (kindOf(frame) !== 'command' || index < chronicle.last) return;
      if (never.has(number))
        broken(`${host.id} applies ${number}, which was refused or superseded`);
      seen.add(number);
    },
  };
}
