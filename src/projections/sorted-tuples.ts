/**
 * Tuples of one width, each once, in ascending order. They lie in blocks, part behind part, so that
 * nothing is kept for a tuple but its parts: no object that the collector would have to carry.
 *
 * ```
 *  width 3     [ 'a' 1 'k1'   'a' 7 'k2'   'b' 2 'k3' ]   [ 'b' 5 'k0'   'c' 1 'k9' ]   …
 *                └─ tuple ─┘
 * ```
 *
 * A tuple is found by halving the blocks, by their last tuples, and then its block. A full block is
 * split, one that has become small joins the next. The list of blocks is moved as a whole where one
 * comes or goes, which a million tuples do not make felt (some µs, every 32nd time).
 */
import { assert } from './assert.ts';

type Part = string | number;
export type Tuple = readonly Part[];

/** Tuples in a block, at most: then it is split. */
export const BLOCK_TUPLES = 64;
/** A block that has shrunk to this joins the next if both together leave room. */
const SMALL_TUPLES = BLOCK_TUPLES / 4;
const JOINED_TUPLES = BLOCK_TUPLES / 2;

type Block = Part[];

/** Where a tuple is, or would be. */
interface Spot {
  readonly number: number;
  readonly start: number;
}

export class SortedTuples {
  #width = 0;
  #size = 0;
  /** Never empty; only the very first block may hold nothing. */
  readonly #blocks: Block[] = [[]];

  get size(): number {
    return this.#size;
  }

  /** @returns whether it was not there before */
  add(tuple: Tuple): boolean {
    this.#width = this.#widthWith(tuple);
    const number = this.#blockFor(tuple);
    const block = this.#blocks[number] as Block;
    const start = this.#startIn(block, tuple);
    if (this.#isAt(block, start, tuple)) return false;
    if (start === BLOCK_TUPLES * this.#width) this.#blocks.splice(number + 1, 0, [...tuple]);
    else this.#insert(number, start, tuple);
    this.#size += 1;
    return true;
  }

  /** @returns whether it was there */
  delete(tuple: Tuple): boolean {
    const number = this.#blockFor(tuple);
    const block = this.#blocks[number] as Block;
    const start = this.#startIn(block, tuple);
    if (!this.#isAt(block, start, tuple)) return false;
    block.splice(start, this.#width);
    this.#size -= 1;
    if (block.length <= SMALL_TUPLES * this.#width) this.#join(number);
    return true;
  }

  /** The first tuple above `bound`. */
  above(bound: Tuple): Tuple | undefined {
    const { number, start } = this.#spotOf(bound);
    const block = this.#blocks[number] as Block;
    return this.#isAt(block, start, bound)
      ? this.#tupleAt(number, start + this.#width)
      : this.#tupleAt(number, start);
  }

  /** All tuples from `bound` on. They must not change while they are walked. */
  *from(bound: Tuple): Generator<Tuple> {
    let { number, start } = this.#spotOf(bound);
    for (; number < this.#blocks.length; number++) {
      const block = this.#blocks[number] as Block;
      for (; start < block.length; start += this.#width)
        yield block.slice(start, start + this.#width);
      start = 0;
    }
  }

  #widthWith(tuple: Tuple): number {
    assert(
      this.#width === 0 || this.#width === tuple.length,
      'the tuples of an index are of one width',
      tuple.length,
    );
    return tuple.length;
  }

  #spotOf(bound: Tuple): Spot {
    const number = this.#blockFor(bound);
    return { number, start: this.#startIn(this.#blocks[number] as Block, bound) };
  }

  /** The first block that ends at the tuple or behind it; the last block if none does. */
  #blockFor(tuple: Tuple): number {
    const blocks = this.#blocks;
    let [low, high] = [0, blocks.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const block = blocks[middle] as Block;
      if (this.#compare(block, block.length - this.#width, tuple) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where the first tuple begins that is not below this one; the end of the block if all are. */
  #startIn(block: Block, tuple: Tuple): number {
    const width = this.#width;
    let [low, high] = [0, width === 0 ? 0 : block.length / width];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(block, middle * width, tuple) < 0) low = middle + 1;
      else high = middle;
    }
    return low * width;
  }

  #isAt(block: Block, start: number, tuple: Tuple): boolean {
    return start < block.length && this.#compare(block, start, tuple) === 0;
  }

  /** How the tuple that begins at `start` stands to one that may be shorter: a prefix comes first. */
  #compare(block: Block, start: number, tuple: Tuple): number {
    const shared = Math.min(this.#width, tuple.length);
    for (let part = 0; part < shared; part++) {
      const one = block[start + part] as Part;
      const other = tuple[part] as Part;
      if (one !== other) return one < other ? -1 : 1;
    }
    return this.#width - tuple.length;
  }

  /** The tuple at a spot; the end of a block is the beginning of the next. */
  #tupleAt(number: number, start: number): Tuple | undefined {
    const block = this.#blocks[number];
    if (block === undefined) return undefined;
    return start < block.length
      ? block.slice(start, start + this.#width)
      : this.#tupleAt(number + 1, 0);
  }

  #insert(number: number, start: number, tuple: Tuple): void {
    const block = this.#blocks[number] as Block;
    insert(block, start, tuple);
    if (block.length <= BLOCK_TUPLES * this.#width) return;
    this.#blocks.splice(number + 1, 0, block.splice((BLOCK_TUPLES / 2) * this.#width));
  }

  /** What becomes of a block that has shrunk: gone, or one with the next. */
  #join(number: number): void {
    const block = this.#blocks[number] as Block;
    const next = this.#blocks[number + 1] ?? [];
    if (block.length === 0) return this.#drop(number);
    if (block.length + next.length > JOINED_TUPLES * this.#width) return;
    block.push(...next);
    this.#blocks.splice(number + 1, 1);
  }

  #drop(number: number): void {
    if (this.#blocks.length > 1) this.#blocks.splice(number, 1);
  }
}

/** Shifted by hand: twice as fast as `splice`, which makes an array of what it has removed. */
function insert(block: Block, start: number, tuple: Tuple): void {
  const { length: end } = block;
  for (const part of tuple) block.push(part);
  if (start === end) return;
  for (let at = end - 1; at >= start; at--) block[at + tuple.length] = block[at] as Part;
  write(block, start, tuple);
}

function write(block: Block, start: number, tuple: Tuple): void {
  for (let part = 0; part < tuple.length; part++) block[start + part] = tuple[part] as Part;
}
