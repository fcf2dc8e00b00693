/**
 * A batch: consecutive entries that match a filter, as JSON, encoded once however many subscribers get it.
 */
import type { Matches } from '../glob.ts';

/** Bounds of one frame; a larger entry is a frame of its own. */
export const BATCH_ENTRIES_MAX = 256;
export const BATCH_BYTES_MAX = 256 * 1024;

/** Which entries a subscriber wants. Equal texts mean equal filters. */
export interface Filter {
  readonly text: string;
  /** Undefined: all of them. */
  readonly matches: Matches | undefined;
}

/** An entry that can be put into a batch. */
export interface Item {
  readonly index: number;
  readonly at: number;
  readonly type: string;
  /** The entry as JSON. */
  json(): string;
}

export interface Batch {
  /** The last index looked at, whether it matched or not. */
  readonly covered: number;
  /** When that one was stamped. */
  readonly at: number;
  readonly count: number;
  /** The matching entries, separated by commas. */
  readonly items: Buffer;
}

const NO_ITEMS = Buffer.alloc(0);

/** Gathers entries until a frame is full. */
export class Gathering {
  readonly #matches: Matches | undefined;
  #texts: string[] = [];
  #length = 0;
  #covered = 0;
  #at = 0;

  constructor({ matches }: Filter) {
    this.#matches = matches;
  }

  get isFull(): boolean {
    return this.#texts.length >= BATCH_ENTRIES_MAX || this.#length >= BATCH_BYTES_MAX;
  }

  look(item: Item): void {
    this.#covered = item.index;
    this.#at = item.at;
    if (this.#matches === undefined || this.#matches(item.type)) this.#keep(item.json());
  }

  batch(): Batch {
    const count = this.#texts.length;
    const items = count === 0 ? NO_ITEMS : Buffer.from(this.#texts.join(','));
    return { covered: this.#covered, at: this.#at, count, items };
  }

  #keep(text: string): void {
    this.#texts.push(text);
    this.#length += text.length;
  }
}
