/**
 * Situations a search has been in, so that it never searches from the same one twice.
 *
 * A situation is a state, the answered operations that have taken effect, and the open ones that were made
 * to. Of two that differ only in the open ones, one that used fewer can do everything the other can: so a
 * situation is old when one that used a part of its open operations was there before. That keeps many
 * unknown outcomes from doubling the search with each of them.
 */
import { Bits } from './bits.ts';

export class Memo {
  readonly #seen = new Map<string, Bits[]>();

  /** Whether the situation is new; from now on it is not. */
  isNew(situation: string, used: Bits): boolean {
    const known = this.#seen.get(situation);
    if (known === undefined) {
      this.#seen.set(situation, [Bits.copyOf(used)]);
      return true;
    }
    if (known.some((before) => before.isWithin(used))) return false;
    const others = known.filter((before) => !used.isWithin(before));
    this.#seen.set(situation, [...others, Bits.copyOf(used)]);
    return true;
  }
}
