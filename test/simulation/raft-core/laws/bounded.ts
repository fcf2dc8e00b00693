/** I8: what a core sends and keeps waiting stays within its bounds, and a wake-up leaves nothing that is due. */
import type { Message } from '../../../../src/protocols/raft/core/messages.ts';
import type { Host } from '../host.ts';
import type { Law } from '../law.ts';

export function bounded(_observed: unknown, broken: (how: string) => void): Law {
  const size = (host: Host, message: Message): void => {
    if (message.kind !== 'append_entries') return;
    const { bounds } = host;
    const { entries } = message;
    const bytes = entries.reduce((sum, { frame }) => sum + frame.length, 0);
    if (entries.length > bounds.message_entries)
      broken(`${host.id} sends ${entries.length} entries in one message`);
    if (entries.length > 1 && bytes > bounds.message_bytes)
      broken(`${host.id} sends ${entries.length} entries of ${bytes} bytes in one message`);
  };
  return {
    name: 'bounded',
    sent: size,
    turned: (host) => {
      const { id, bounds, status } = host;
      for (const peer of status.peers) {
        if (peer.in_flight_messages > bounds.in_flight_messages)
          broken(`${id} has ${peer.in_flight_messages} messages in flight to ${peer.id}`);
        if (peer.in_flight_bytes >= bounds.in_flight_bytes + bounds.message_bytes + LARGEST)
          broken(`${id} has ${peer.in_flight_bytes} bytes in flight to ${peer.id}`);
        if (peer.next <= peer.match)
          broken(`${id} sends ${peer.id} from ${peer.next}, which has ${peer.match}`);
      }
    },
    wrote: (host, { hard, entries, snapshot, truncate_from: from, then }) => {
      const nothing = [hard, snapshot, from].every((part) => part === undefined);
      if (nothing && entries.length === 0 && then.length === 0)
        broken(`${host.id} asks its disk to write nothing`);
    },
  };
}

/** The largest frame clients write: one entry may be over every bound in bytes. */
const LARGEST = 700;
