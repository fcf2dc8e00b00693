/** I2: log matching (Raft, figure 3): an entry of one index and term is the same wherever it is sent from. */
import type { GroupId } from '../../../../src/log/group.ts';
import { checksum } from '../../../../src/log/checksum.ts';
import type { Law } from '../law.ts';

export function logMatching(_observed: unknown, broken: (how: string) => void): Law {
  return { name: 'I2: log matching', sent: watcher(broken) };
}

function watcher(broken: (how: string) => void): NonNullable<Law['sent']> {
  const sums = new Map<string, number>();
  const compare = (
    { id, incarnation }: GroupId,
    term: number,
    index: number,
    sum: number,
  ): void => {
    const key = `${id}@${incarnation} ${term}:${index}`;
    const known = sums.get(key);
    if (known !== undefined && known !== sum) broken(`two entries are ${key}`);
    sums.set(key, sum);
  };
  return (_node, group, message) => {
    if (message.kind !== 'append_entries') return;
    for (const { term, index, frame } of message.entries)
      compare(group, term, index, checksum(frame));
  };
}
