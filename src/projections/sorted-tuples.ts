/**
 * Tuples of one width that end in a key, each once, in ascending order. They lie in blocks, part behind
 * part, so that nothing is kept for a tuple but its parts: no object that the collector would have to carry.
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

/** Of a bound, which may be shorter than the tuples are, no part is a key. */
type Key = string | undefined;

export class SortedTuples {
  /** Parts of a tuple, with its key; none while nothing was ever added. */
  #width = 0;
  #size = 0;
  /** Never empty; only the very first block may hold nothing. */
  readonly #blocks: Block[] = [[]];

  get size(): number {
    return this.#size;
  }

  /** Whether it is as wide as those that are there, or were. */
  fits(tuple: Tuple): boolean {
    return this.#width === 0 || this.#width === tuple.length + 1;
  }

  /** @returns whether it was not there before */
  add(tuple: Tuple, key: string): boolean {
    assert(this.fits(tuple), 'sorted tuples are of one width', tuple.length);
    this.#width = tuple.length + 1;
    const number = this.#blockFor(tuple, key);
    const block = this.#blocks[number] as Block;
    const start = this.#startIn(block, tuple, key);
    if (start < block.length && this.#compare(block, start, tuple, key) === 0) return false;
    insert(block, start, tuple, key);
    if (block.length > BLOCK_TUPLES * this.#width) this.#split(number, start);
    this.#size += 1;
    return true;
  }

  /** @returns whether it was there */
  delete(tuple: Tuple, key: string): boolean {
    const number = this.#blockFor(tuple, key);
    const block = this.#blocks[number] as Block;
    const start = this.#startIn(block, tuple, key);
    if (start === block.length || this.#compare(block, start, tuple, key) !== 0) return false;
    cut(block, start, this.#width);
    this.#size -= 1;
    if (block.length <= SMALL_TUPLES * this.#width) this.#join(number);
    return true;
  }

  /** The first tuple above `bound`, with its key. */
  above(bound: Tuple): Tuple | undefined {
    const { number, start } = this.#spotOf(bound);
    const block = this.#blocks[number] as Block;
    const isBound = start < block.length && this.#compare(block, start, bound, undefined) === 0;
    return this.#tupleAt(number, isBound ? start + this.#width : start);
  }

  /** All tuples from `bound` on, with their keys. They must not change while they are walked. */
  *from(bound: Tuple): Generator<Tuple> {
    let { number, start } = this.#spotOf(bound);
    for (; number < this.#blocks.length; number++) {
      const block = this.#blocks[number] as Block;
      for (; start < block.length; start += this.#width)
        yield block.slice(start, start + this.#width);
      start = 0;
    }
  }

  #spotOf(bound: Tuple): Spot {
    const number = this.#blockFor(bound, undefined);
    return { number, start: this.#startIn(this.#blocks[number] as Block, bound, undefined) };
  }

  /** The first block that ends at the tuple or behind it; the last block if none does. */
  #blockFor(tuple: Tuple, key: Key): number {
    const last = this.#blocks.length - 1;
    if (this.#endsBelow(this.#blocks[last] as Block, tuple, key)) return last;
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#endsBelow(this.#blocks[middle] as Block, tuple, key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where the first tuple begins that is not below this one; the end of the block if all are. */
  #startIn(block: Block, tuple: Tuple, key: Key): number {
    // Deadlines and indices mostly grow: what comes last is not looked for.
    if (this.#endsBelow(block, tuple, key)) return block.length;
    const width = this.#width;
    let low = 0;
    let high = block.length / width;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(block, middle * width, tuple, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low * width;
  }

  #endsBelow(block: Block, tuple: Tuple, key: Key): boolean {
    return block.length === 0 || this.#compare(block, block.length - this.#width, tuple, key) < 0;
  }

  /** How the tuple that begins at `start` stands to another, or to a bound: a prefix comes first. */
  #compare(block: Block, start: number, tuple: Tuple, key: Key): number {
    const shared = Math.min(this.#width, tuple.length);
    for (let part = 0; part < shared; part++) {
      const order = compareParts(block[start + part] as Part, tuple[part] as Part);
      if (order !== 0) return order;
    }
    return key === undefined
      ? this.#width - tuple.length
      : compareParts(block[start + shared] as Part, key);
  }

  /** The tuple at a spot; the end of a block is the beginning of the next. */
  #tupleAt(number: number, start: number): Tuple | undefined {
    const block = this.#blocks[number];
    if (block === undefined) return undefined;
    return start < block.length
      ? block.slice(start, start + this.#width)
      : this.#tupleAt(number + 1, 0);
  }

  /** Halves a block; what came last of all begins a block of its own, and leaves a full one behind. */
  #split(number: number, start: number): void {
    const block = this.#blocks[number] as Block;
    const isLast = start === BLOCK_TUPLES * this.#width;
    const kept = isLast ? BLOCK_TUPLES : BLOCK_TUPLES / 2;
    this.#blocks.splice(number + 1, 0, block.splice(kept * this.#width));
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

/** Numbers by themselves: an operator that has met both kinds is twice as slow for each. */
function compareParts(one: Part, other: Part): number {
  return typeof one === 'number'
    ? compareNumbers(one, other as number)
    : compareTexts(one, other as string);
}

function compareNumbers(one: number, other: number): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function compareTexts(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** Shifted by hand: twice as fast as `splice`, which makes an array of what it has removed. */
function insert(block: Block, start: number, tuple: Tuple, key: string): void {
  for (const part of tuple) block.push(part);
  block.push(key);
  const width = tuple.length + 1;
  for (let at = block.length - 1; at >= start + width; at--) block[at] = block[at - width] as Part;
  if (start + width < block.length) write(block, start, tuple, key);
}

/** By hand, as above. */
function cut(block: Block, start: number, width: number): void {
  for (let at = start + width; at < block.length; at++) block[at - width] = block[at] as Part;
  for (let part = 0; part < width; part++) block.pop();
}

function write(block: Block, start: number, tuple: Tuple, key: string): void {
  for (let part = 0; part < tuple.length; part++) block[start + part] = tuple[part] as Part;
  block[start + tuple.length] = key;
}
