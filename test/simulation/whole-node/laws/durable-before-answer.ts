/**
 * I1: no vote and no acknowledgement leaves a node before what it promises survives a power cut there. A disk on
 * which something has rotted is not asked: what it holds cannot be told from its blocks any more.
 */
import type { GroupId } from '../../../../src/log/group.ts';
import type { Message } from '../../../../src/protocols/raft/core/messages.ts';
import { durableHardState, holdsDurably } from '../durable.ts';
import type { Law, Observed } from '../law.ts';
import type { SimulatedNode } from '../node.ts';

export function durableBeforeAnswer({ lostStores }: Observed, broken: (how: string) => void): Law {
  return {
    name: 'I1: durable before answered',
    sent: (node, group, message) => {
      if (lostStores.has(node.storeId)) return;
      const promise = promised(node, group, message);
      if (promise !== undefined)
        broken(`${node.id} says ${promise}, and a power cut would undo it`);
    },
  };
}

/** What a message promises that is not durable yet. */
function promised(node: SimulatedNode, group: GroupId, message: Message): string | undefined {
  const { disk } = node.parts;
  if (message.kind === 'request_vote_response' && message.granted && !message.pre) {
    const hard = durableHardState(disk, group);
    // In a later term nobody votes in this one again.
    const isPast = hard !== undefined && hard.term > message.term;
    const isKept = hard?.term === message.term && hard.vote.startsWith(`${message.to}@`);
    return isPast || isKept
      ? undefined
      : `a vote for ${message.to} in term ${message.term} of ${group.id}`;
  }
  if (message.kind !== 'append_entries_response' || !message.success) return undefined;
  return message.match === 0 || holdsDurably(disk, group, message.match)
    ? undefined
    : `that it has entry ${message.match} of ${group.id}`;
}
