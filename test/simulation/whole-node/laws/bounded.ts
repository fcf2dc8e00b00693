/** I8: what a leader sends at once, and what it has on its way, stays within the bounds its node was given. */
import type { Law } from '../law.ts';

export function bounded(_observed: unknown, broken: (how: string) => void): Law {
  return {
    name: 'I8: bounded',
    sent: ({ id, parts: { bounds } }, group, message) => {
      if (message.kind !== 'append_entries') return;
      const { entries } = message;
      const bytes = entries.reduce((sum, { frame }) => sum + frame.length, 0);
      if (entries.length > bounds.message_entries)
        broken(`${id} sends ${entries.length} entries of ${group.id} in one message`);
      // An entry that is larger than the bound goes alone.
      if (entries.length > 1 && bytes > bounds.message_bytes)
        broken(`${id} sends ${bytes} bytes of ${group.id} in one message`);
    },
  };
}
