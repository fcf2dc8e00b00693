/** What is committed is never taken back by anybody who has it, neither by truncation nor under a snapshot. */
import type { Host } from '../host.ts';
import type { Law, Observed } from '../law.ts';

export function committedIsKept({ chronicle }: Observed, broken: (how: string) => void): Law {
  const loses = (host: Host, from: number, how: string): void => {
    const entry = host.disk.issued.entry(from);
    if (entry !== undefined && chronicle.isCommitted(entry))
      broken(`${host.id} ${how} the committed entry ${from}`);
    if (from <= host.commit) broken(`${host.id} ${how} ${from}, below its commit ${host.commit}`);
  };
  return {
    name: 'committed is kept',
    wrote: (host, { truncate_from: from, snapshot }) => {
      if (from !== undefined && from <= host.disk.issued.last.index)
        loses(host, from, 'takes back');
      if (snapshot !== undefined) loses(host, snapshot.index + 1, 'replaces by a snapshot');
    },
  };
}
