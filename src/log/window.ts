/**
 * The window: the newest blocks of all groups, as stored bytes, so that followers and subscribers that
 * keep up are served without touching the disk. Bounded over all groups together; the oldest blocks go
 * first, and whoever needs them reads LevelDB.
 */
import type { Chunk } from './block.ts';
import { Deque } from './deque.ts';

export interface WindowBound {
  readonly entries: number;
  readonly bytes: number;
}

export const WINDOW: WindowBound = { entries: 50_000, bytes: 8 * 1024 * 1024 };

/** The blocks of one group that are in the window, ascending. */
export class RecentBlocks {
  readonly #blocks = new Deque<Chunk>();

  push(block: Chunk): void {
    this.#blocks.push(block);
  }

  /** The block that holds this entry. */
  find(index: number): Chunk | undefined {
    const block = this.#blocks.at(this.#firstEndingFrom(index));
    return block !== undefined && block.first <= index ? block : undefined;
  }

  /** Forgets every block that is not wholly within `first` to `last`. */
  clip(first: number, last: number): void {
    while (starts(this.#blocks.at(0)) < first) this.#blocks.shift();
    while (ends(this.#blocks.at(-1)) > last) this.#blocks.pop();
  }

  /** Forgets `block` if it is still the oldest. */
  evict(block: Chunk): void {
    if (this.#blocks.at(0) === block) this.#blocks.shift();
  }

  /** The position of the first block that ends at `index` or later. */
  #firstEndingFrom(index: number): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends(this.#blocks.at(middle)) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function starts(block: Chunk | undefined): number {
  return block === undefined ? Number.POSITIVE_INFINITY : block.first;
}

function ends(block: Chunk | undefined): number {
  return block === undefined ? Number.NEGATIVE_INFINITY : block.last;
}

interface Held {
  readonly recent: RecentBlocks;
  readonly block: Chunk;
}

export class Window {
  readonly #bound: WindowBound;
  readonly #held = new Deque<Held>();
  #entries = 0;
  #bytes = 0;

  constructor(bound: WindowBound) {
    this.#bound = bound;
  }

  keep(recent: RecentBlocks, block: Chunk): void {
    recent.push(block);
    this.#held.push({ recent, block });
    this.#count(block, 1);
    while (this.#entries > this.#bound.entries || this.#bytes > this.#bound.bytes) this.#release();
  }

  #release(): void {
    const oldest = this.#held.shift();
    if (oldest === undefined) return;
    oldest.recent.evict(oldest.block);
    this.#count(oldest.block, -1);
  }

  #count(block: Chunk, sign: 1 | -1): void {
    this.#entries += sign * (block.last - block.first + 1);
    this.#bytes += sign * block.frames.length;
  }
}
