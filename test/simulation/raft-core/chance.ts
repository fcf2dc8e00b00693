/**
 * The only source of chance in a simulated world. One seed, and from it streams by name: what the network
 * draws does not depend on how often the disks draw, so that a fault taken out of a run leaves the rest of
 * the run as it was. Otherwise a failing seed could not be shrunk.
 *
 * The generator is mulberry32 (Tommy Ettinger, public domain).
 */
export class Chance {
  readonly #seed: number;
  #state: number;

  constructor(seed: number) {
    this.#seed = Math.trunc(seed);
    this.#state = this.#seed;
  }

  /** In [0, 1). */
  readonly unit = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  /** A whole number, both ends included. */
  whole(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** A real number in [least, most). */
  between(least: number, most: number): number {
    return least + this.unit() * (most - least);
  }

  happens(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  /** Another stream of the same seed; equal names give equal streams. */
  named(name: string): Chance {
    let hash = this.#seed ^ 0x811c9dc5;
    for (let at = 0; at < name.length; at += 1)
      hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
    return new Chance(hash ^ (hash >>> 15));
  }
}
