/**
 * Salvage: of one group's log, the longest prefix that can be proved, and why it ends where it does.
 * Where a block is damaged its intact frames in front of the damage are kept.
 */
import {
  blockOf,
  type BlockCheck,
  checkBlock,
  type Chunk,
  encodeChunk,
  firstPlace,
  lastPlace,
  slice,
} from './block.ts';
import type { Standing } from './chain-reading.ts';
import { findingOf } from './fault.ts';
import { decodeFloor, encodeFloor, ORIGIN, type Position } from './floor.ts';
import type { GroupLog } from './group-log.ts';
import type { GroupId } from './group.ts';
import { decodeHardState } from './hard-state.ts';
import { numberedRange, numberOf } from './keys.ts';
import { decodeOutcomePage, PAGE_ENTRIES } from './outcome-page.ts';
import { chunks } from './reader.ts';
import type { Rewriter } from './rewriter.ts';
import { sealOf } from './sealed-value.ts';
import { type Pair, pairs, type Store } from './store.ts';
import { blockKey } from './stored-blocks.ts';

/** What became of one group. */
export interface Salvage {
  readonly group: GroupId;
  readonly first: number;
  /** One below `first` where nothing could be kept. */
  readonly last: number;
  readonly left_out: LeftOut | undefined;
  /** `unproved`: intact, but a later one may be lost; the node must not vote on the strength of it. */
  readonly hard_state: 'proved' | 'unproved' | 'none';
}

export interface LeftOut {
  /** The first entry that is not in the new store. */
  readonly from: number;
  readonly reason: string;
}

export interface SalvageSource {
  readonly store: Store;
  readonly log: GroupLog;
  /** Where the proved part of the chain says the group stands, if it says so. */
  readonly standing: Standing | undefined;
  /** Nothing that was written is known to be missing. */
  readonly complete: boolean;
}

/** Bytes of a block in the new store. */
const BLOCK_BYTES = 1024 * 1024;

/** Copies what can be proved of a group into a new store. */
export async function salvage(source: SalvageSource, target: Rewriter): Promise<Salvage> {
  const { log, store } = source;
  const floor = await readFloor(source);
  const proved = new Proved(source, floor);
  const span = { from: floor.index + 1, to: Number.MAX_SAFE_INTEGER, bytes: BLOCK_BYTES };
  for await (const chunk of chunks(proved.blocks(), span)) {
    const key = blockKey(log, chunk.first);
    await target.write([[key, encodeChunk(key, chunk)]], []);
  }
  const { index: last, term } = proved.end;
  for await (const page of intactPages(store, log, last)) await target.write([page], []);
  const { kind, sum, puts } = await hardStateOf(source);
  const group = log.keys.group;
  await target.write([...floorPut(log, floor), ...puts], [{ group, last, term, hardState: sum }]);
  return { group: log.id, first: span.from, last, left_out: proved.leftOut, hard_state: kind };
}

/** A floor that is damaged is none: then nothing is kept but a log that begins at 1. */
async function readFloor({ store, log }: SalvageSource): Promise<Position> {
  const value = await store.get(log.keys.floor);
  if (value === undefined) return ORIGIN;
  return decodeFloor(log.keys.floor, value) ?? ORIGIN;
}

function floorPut(log: GroupLog, floor: Position): Pair[] {
  return floor.index === 0 ? [] : [[log.keys.floor, encodeFloor(log.keys.floor, floor)]];
}

/** Follows the blocks of a group for as long as they can be proved. */
class Proved {
  readonly #source: SalvageSource;
  readonly #limit: number;
  #end: Position;
  #leftOut: LeftOut | undefined;

  constructor(source: SalvageSource, floor: Position) {
    this.#source = source;
    this.#limit = source.standing?.last ?? Number.MAX_SAFE_INTEGER;
    this.#end = floor;
  }

  /** The last entry that was proved, so far. */
  get end(): Position {
    return this.#end;
  }

  get leftOut(): LeftOut | undefined {
    return this.#leftOut;
  }

  async *blocks(): AsyncGenerator<Chunk> {
    try {
      yield* this.#intact();
    } catch (error) {
      this.#stop(findingOf(error));
    }
    if (this.#end.index < this.#expectedEnd) this.#stop(`entries up to ${this.#limit} are missing`);
  }

  async *#intact(): AsyncGenerator<Chunk> {
    const { store, log } = this.#source;
    const range = numberedRange(log.keys.block, this.#next, Number.MAX_SAFE_INTEGER);
    for await (const pair of pairs(store.scan(range))) {
      yield* this.#provedPart(pair);
      if (this.#leftOut !== undefined) return;
    }
  }

  get #next(): number {
    return this.#end.index + 1;
  }

  /** Where the chain says the log ends, if it says so. */
  get #expectedEnd(): number {
    return this.#source.standing?.last ?? 0;
  }

  /** All of the block, its intact beginning, or nothing. */
  *#provedPart([key, value]: Pair): Generator<Chunk> {
    const first = numberOf(key);
    if (first !== this.#next) return this.#stop(`the next block starts at ${first}`);
    const block = blockOf(key, value);
    const check = checkBlock(block);
    const last = Math.min(this.#limit, lastIntact(check));
    if (last >= first) yield* this.#followed(slice(block, first, last));
    if (last < block.last) this.#stop(reasonAgainst(check));
  }

  *#followed(block: Chunk): Generator<Chunk> {
    const { term } = firstPlace(block);
    if (term < this.#end.term) return this.#stop('the term falls');
    this.#end = lastPlace(block);
    yield block;
  }

  /** The first reason stays. */
  #stop(reason: string): void {
    this.#leftOut ??= { from: this.#next, reason };
  }
}

function reasonAgainst(check: BlockCheck): string {
  if (check.kind === 'whole') return 'no batch that is proved wrote it';
  return `${check.reason} at byte ${check.offset} of its block`;
}

function lastIntact(check: BlockCheck): number {
  return check.kind === 'whole' ? check.last.index : check.index - 1;
}

/** Pages that are intact and hold only entries that were kept. */
async function* intactPages(store: Store, log: GroupLog, last: number): AsyncGenerator<Pair> {
  const pages = Math.floor(last / PAGE_ENTRIES);
  if (pages === 0) return;
  for await (const pair of pairs(store.scan(numberedRange(log.keys.page, 0, pages - 1))))
    if (decodeOutcomePage(pair[1]).kind === 'page') yield pair;
}

interface SalvagedState {
  readonly kind: Salvage['hard_state'];
  readonly sum: number;
  readonly puts: readonly Pair[];
}

async function hardStateOf(source: SalvageSource): Promise<SalvagedState> {
  const key = source.log.keys.hardState;
  const value = await source.store.get(key);
  if (value === undefined || decodeHardState(key, value) === undefined)
    return { kind: 'none', sum: 0, puts: [] };
  const sum = sealOf(value);
  return { kind: isProved(source, sum) ? 'proved' : 'unproved', sum, puts: [[key, value]] };
}

function isProved({ standing, complete }: SalvageSource, sum: number): boolean {
  return complete && (standing === undefined || standing.hardState === sum);
}
