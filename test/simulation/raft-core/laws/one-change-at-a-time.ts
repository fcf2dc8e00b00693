/**
 * Members change one step at a time (Raft §6): a leader appends the next change when the one before is
 * committed, voters change only through a joint configuration, and a core holds to the newest its log has.
 */
import type { Configuration, Member } from '../../../../src/protocols/raft/core/configuration.ts';
import type { Law } from '../law.ts';

function same(some: readonly Member[], others: readonly Member[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ id, store }) => others.some((other) => other.id === id && other.store === store))
  );
}

function equal(one: Configuration, other: Configuration): boolean {
  return (
    same(one.voters, other.voters) &&
    same(one.outgoing, other.outgoing) &&
    same(one.learners, other.learners)
  );
}

function follows(next: Configuration, now: Configuration): boolean {
  if (now.outgoing.length > 0) return next.outgoing.length === 0 && same(next.voters, now.voters);
  if (next.outgoing.length > 0) return same(next.outgoing, now.voters);
  return same(next.voters, now.voters);
}

export function oneChangeAtATime(_observed: unknown, broken: (how: string) => void): Law {
  return {
    name: 'one change at a time',
    wrote: ({ id, previous, status, disk: { issued } }, { entries }) => {
      const leads = status.role === 'leader' && previous.role === 'leader';
      if (!leads || previous.term !== status.term) return;
      let newest = issued.configurations.at(-1);
      for (const { index, configuration } of entries) {
        if (configuration === undefined || newest === undefined) continue;
        if (newest.index > status.commit)
          broken(`${id} appends a change at ${index}; the one at ${newest.index} is not committed`);
        if (!follows(configuration, newest.configuration))
          broken(`${id} changes voters at ${index} without a joint configuration`);
        newest = { index, configuration };
      }
    },
    turned: ({ id, status, diskFailed, disk: { issued } }) => {
      const newest = issued.configuration;
      // What a failed disk does not take is in force all the same, until the process ends.
      if (newest === undefined || diskFailed) return;
      if (!equal(newest, status.configuration))
        broken(`${id} holds to other members than the newest in its log`);
    },
  };
}
