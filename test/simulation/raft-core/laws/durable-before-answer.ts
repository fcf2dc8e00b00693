/**
 * I1: what an answer promises is on the disk when the answer leaves: term, vote, entries. And what a machine
 * applies is on its own disk: a restart never finds tables ahead of their log.
 */
import type { Message } from '../../../../src/protocols/raft/core/messages.ts';
import type { Host } from '../host.ts';
import type { Law, Observed } from '../law.ts';

export function durableBeforeAnswer({ hosts }: Observed, broken: (how: string) => void): Law {
  const promisedTerm = (message: Message): number | undefined => {
    if (message.kind === 'append_entries_response') return message.term;
    if (message.kind === 'append_entries') return message.term;
    if (message.kind === 'request_vote' && !message.pre) return message.term;
    if (message.kind === 'request_vote_response' && !message.pre && message.granted)
      return message.term;
    return undefined;
  };
  const vote = ({ id, disk: { durable } }: Host, message: Message): void => {
    if (message.kind !== 'request_vote_response' || message.pre || !message.granted) return;
    if (durable.hard.term === message.term && !durable.hard.vote.startsWith(`${message.to}@`))
      broken(`${id} grants ${message.to} a vote that is not on its disk`);
  };
  const entries = ({ id, disk: { durable } }: Host, message: Message): void => {
    if (message.kind !== 'append_entries_response' || !message.success) return;
    // One sync may cover this term and the next one, which took back what this term was promised.
    if (durable.hard.term !== message.term) return;
    const { match } = message;
    if (durable.last.index < match)
      broken(`${id} tells that it has ${match}; its disk ends at ${durable.last.index}`);
    const leader = hosts.find(({ leads, status }) => leads && status.term === message.term);
    const term = leader?.disk.issued.termOf(match);
    const own = durable.termOf(match);
    if (term !== undefined && own !== undefined && own !== term)
      broken(`${id} tells that it has ${match}; the leader has another entry there`);
  };
  return {
    name: 'durable before answer',
    sent: (host, message) => {
      const term = promisedTerm(message);
      if (term !== undefined && host.disk.durable.hard.term < term)
        broken(`${host.id} sends ${message.kind} of term ${term}, which is not on its disk`);
      vote(host, message);
      entries(host, message);
    },
    applied: ({ id, disk: { durable } }, { index }) => {
      if (index > durable.last.index)
        broken(`${id} applies ${index}; its disk ends at ${durable.last.index}`);
    },
  };
}
