/** What a caller was told is what was agreed: the entry it was named is its command, on every node, for ever. */
import { type Command, decodeEntry } from '../../../../src/log/command.ts';
import type { Answer } from '../../../../src/protocols/coordinator/answer.ts';
import type { Law, Observed } from '../law.ts';
import { MAIN } from '../node.ts';

interface Told {
  readonly index: number;
  readonly command: Command;
}

export function acknowledgedIsKept(
  { chronicles, nodes }: Observed,
  broken: (how: string) => void,
): Law {
  const told: Told[] = [];
  return {
    name: 'acknowledged is never lost',
    answered: (_node, command, answer) => {
      // An answer from memory names the place where it was looked up, not the entry itself.
      if (answer.kind === 'answered' && !isFromMemory(answer))
        told.push({ index: answer.index, command });
    },
    ended: () => {
      const chronicle = chronicles.of(MAIN);
      const missing = told.filter(({ index, command }) => {
        const decided = chronicle.at(index);
        return decided === undefined || !isSame(decodeEntry(decided.frame), command);
      });
      for (const { index, command } of missing.slice(0, 3))
        broken(`${command.type} was acknowledged as entry ${index}, which is something else`);
      for (const node of nodes) {
        const index = node.running?.main.machine.position.index;
        if (index !== undefined && index < chronicle.last)
          broken(`${node.id} has applied ${index} of ${chronicle.last}`);
      }
    },
  };
}

function isFromMemory({ replayed, outcome }: Extract<Answer, { kind: 'answered' }>): boolean {
  return replayed || (outcome.kind === 'refused' && outcome.code.startsWith('idempotency-'));
}

function isSame(entry: Command, command: Command): boolean {
  return entry.type === command.type && JSON.stringify(entry.once) === JSON.stringify(command.once);
}
