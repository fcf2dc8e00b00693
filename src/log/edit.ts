/**
 * Edits: what rearranges the log of one group instead of adding to it. Each is one write that happens
 * wholly or not at all, in its place among the appends.
 *
 * ```
 *  truncated from 8   [1 … 5][6 … 10][11 …]  →  [1 … 5][6 … 7]      the block it cuts is rewritten
 *  trimmed up to 8    [1 … 5][6 … 10][11 …]  →  floor 5, [6 … 10][11 …]      whole blocks only
 *  started after 20   [1 … 5][6 … 10]        →  floor 20      a snapshot took the place of the entries
 *  prepended 3 … 5     floor 5, [6 … 10]     →  floor 2, [3 … 5][6 … 10]      history from a peer
 *  removed            [1 … 5][6 … 10]        →  nothing, not even a hard state
 * ```
 *
 * What lies below a floor is cleared afterwards in pieces: a crash may leave some of it, out of reach.
 */
import assert from 'node:assert/strict';
import type { Touched } from './batch-chain.ts';
import { type Chunk, encodeChunk, lastPlace, slice } from './block.ts';
import { encodeFloor, ORIGIN, type Position } from './floor.ts';
import type { GroupLog } from './group-log.ts';
import { everyNumber, numberedRange } from './keys.ts';
import { PAGE_ENTRIES } from './outcome-page.ts';
import { type Pair, pairs, type Range, type Store, type StoreBatch } from './store.ts';
import { blockAt, blockKey, blockKeysFrom } from './stored-blocks.ts';
import { Settlement, type Work } from './work.ts';

/** What an edit changes, worked out when everything before it is on the disk. */
export interface Plan {
  readonly puts: readonly Pair[];
  readonly deletes: readonly Buffer[];
  readonly leftovers: readonly Range[];
  readonly floor: Position;
  readonly last: Position;
  readonly hardState: 'kept' | 'removed';
}

export class Edit implements Work {
  readonly durable = new Settlement();
  readonly entries = 0;
  readonly bytes = 0;
  readonly #log: GroupLog;
  readonly #draw: () => Promise<Plan>;
  #plan: Plan;

  constructor(log: GroupLog, draw: () => Promise<Plan>) {
    this.#log = log;
    this.#draw = draw;
    this.#plan = unchanged(log);
  }

  get leftovers(): readonly Range[] {
    return this.#plan.leftovers;
  }

  async lay(writes: StoreBatch): Promise<readonly Touched[]> {
    this.#plan = await this.#draw();
    const { puts, deletes, last, hardState } = this.#plan;
    for (const key of deletes) writes.delete(key);
    for (const [key, value] of puts) writes.put(key, value);
    const sum = hardState === 'kept' ? this.#log.hardStateSum : 0;
    return [{ group: this.#log.keys.group, last: last.index, term: last.term, hardState: sum }];
  }

  settle(): void {
    const { floor, last, hardState } = this.#plan;
    this.#log.floor = floor;
    this.#log.durable = last;
    this.#log.recent.clip(floor.index + 1, last.index);
    if (hardState === 'kept') return;
    this.#log.hardState = undefined;
    this.#log.hardStateSum = 0;
  }
}

function unchanged(log: GroupLog): Plan {
  const { floor, durable } = log;
  return { puts: [], deletes: [], leftovers: [], floor, last: durable, hardState: 'kept' };
}

/** Edits wait for each other: what is held when one has its turn stays until it is done. */
async function heldBlock(store: Store, log: GroupLog, index: number): Promise<Chunk> {
  const block = await blockAt(store, log, index);
  assert(block !== undefined, 'an edit looks only at what the log holds');
  return block;
}

/** Entries from `from` on are gone. */
export async function truncated(store: Store, log: GroupLog, from: number): Promise<Plan> {
  if (from > log.durable.index) return unchanged(log);
  const deletes = await blockKeysFrom(store, log, from);
  const whole = { ...unchanged(log), deletes };
  if (from === log.floor.index + 1) return { ...whole, last: log.floor };
  const before = await heldBlock(store, log, from - 1);
  const kept = slice(before, before.first, from - 1);
  const last = lastPlace(kept);
  if (kept === before) return { ...whole, last };
  const key = blockKey(log, kept.first);
  return { ...whole, puts: [[key, encodeChunk(key, kept)]], last };
}

/** Whole blocks that end at or below `upTo` are gone, and the outcome pages of their entries. */
export async function trimmed(store: Store, log: GroupLog, upTo: number): Promise<Plan> {
  const index = await lastWholeBlock(store, log, upTo);
  if (index <= log.floor.index) return unchanged(log);
  const floor = lastPlace(await heldBlock(store, log, index));
  const leftovers = [numberedRange(log.keys.block, 0, index), ...wholePages(log, index)];
  const puts: Pair[] = [[log.keys.floor, encodeFloor(log.keys.floor, floor)]];
  return { ...unchanged(log), puts, leftovers, floor };
}

/** The outcome pages of which every entry is at or below `index`. */
function wholePages(log: GroupLog, index: number): Range[] {
  const pages = Math.floor(index / PAGE_ENTRIES);
  return pages === 0 ? [] : [numberedRange(log.keys.page, 0, pages - 1)];
}

async function lastWholeBlock(store: Store, log: GroupLog, upTo: number): Promise<number> {
  if (upTo >= log.durable.index) return log.durable.index;
  if (upTo <= log.floor.index) return log.floor.index;
  return (await heldBlock(store, log, upTo + 1)).first - 1;
}

/**
 * Entries that end at the floor lie before the log again, and `floor` before them. Nothing changes where they do not
 * end there any more: the log may have been replaced or trimmed since they were asked for.
 *
 * @param chunks each ending where the next one begins
 */
export async function prepended(
  store: Store,
  log: GroupLog,
  chunks: readonly Chunk[],
  floor: Position,
): Promise<Plan> {
  const [oldest] = chunks;
  if (oldest === undefined || !isAtFloor(chunks.at(-1), log.floor)) return unchanged(log);
  const deletes: Buffer[] = [];
  // What a crash left of what lay there before must not come back between.
  const below = numberedRange(log.keys.block, oldest.first, log.floor.index);
  for await (const [key] of pairs(store.scan(below))) deletes.push(key);
  const puts = chunks.map((chunk): Pair => {
    const key = blockKey(log, chunk.first);
    return [key, encodeChunk(key, chunk)];
  });
  puts.push([log.keys.floor, encodeFloor(log.keys.floor, floor)]);
  return { ...unchanged(log), deletes, puts, floor };
}

function isAtFloor(newest: Chunk | undefined, floor: Position): boolean {
  const last = newest && lastPlace(newest);
  return last?.index === floor.index && last.term === floor.term;
}

/** The log is empty and goes on after `floor`: a snapshot holds what the entries said. */
export async function startedAfter(store: Store, log: GroupLog, floor: Position): Promise<Plan> {
  const deletes = await blockKeysAbove(store, log, floor.index);
  const puts: Pair[] = [[log.keys.floor, encodeFloor(log.keys.floor, floor)]];
  const leftovers = [numberedRange(log.keys.block, 0, floor.index), everyNumber(log.keys.page)];
  return { ...unchanged(log), puts, deletes, leftovers, floor, last: floor };
}

/** Keys of the blocks that hold anything above `index`, the one that straddles it included. */
async function blockKeysAbove(store: Store, log: GroupLog, index: number): Promise<Buffer[]> {
  if (index >= log.durable.index) return [];
  const straddling = await heldBlock(store, log, Math.max(index, log.floor.index) + 1);
  return blockKeysFrom(store, log, straddling.first);
}

/** The group is no longer here. */
export function removed(log: GroupLog): Plan {
  return {
    puts: [],
    deletes: [log.keys.hardState, log.keys.floor],
    leftovers: [
      everyNumber(log.keys.block),
      everyNumber(log.keys.page),
      everyNumber(log.keys.tile),
    ],
    floor: ORIGIN,
    last: ORIGIN,
    hardState: 'removed',
  };
}
