/**
 * Commands under way that carry a mark of their own, so that a retry that overtakes its first attempt is
 * told to wait instead of being proposed twice. Bounded by what is under way.
 */
import type { Command } from '../../log/command.ts';

export class InFlight {
  readonly #marks = new Set<string>();

  /** @returns false when the same command is already under way */
  enter(command: Command): boolean {
    const mark = markOf(command);
    if (mark === undefined) return true;
    if (this.#marks.has(mark)) return false;
    this.#marks.add(mark);
    return true;
  }

  leave(command: Command): void {
    const mark = markOf(command);
    if (mark !== undefined) this.#marks.delete(mark);
  }
}

function markOf({ once, actor = '' }: Command): string | undefined {
  if (once === undefined) return undefined;
  return 'session' in once ? `${once.session}/${once.seq}` : `${actor}\u0000${once.key}`;
}
