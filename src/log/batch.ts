/**
 * A batch: the frames, hard states and outcome pages that one fsync will carry. It fills while the batch
 * before it is being written. Everything in it becomes durable together, so all of it shares one promise.
 */
import type { Touched } from './batch-chain.ts';
import { blockOf, type Chunk, encodeBlock } from './block.ts';
import { ORIGIN, type Position } from './floor.ts';
import { indexOf, placeOf } from './frame.ts';
import type { GroupLog } from './group-log.ts';
import { encodeHardState, type HardState } from './hard-state.ts';
import { numbered } from './keys.ts';
import { sealOf } from './sealed-value.ts';
import type { Pair, StoreBatch } from './store.ts';
import type { Window } from './window.ts';
import { Settlement, type Work } from './work.ts';

/** Entries in one batch; what is beyond waits for the next. */
export const BATCH_ENTRIES_MAX = 1_000;
/** Bytes in one batch; what is beyond waits for the next. */
export const BATCH_BYTES_MAX = 4 * 1024 * 1024;

/** What a batch holds for one group. */
interface Part {
  readonly frames: Buffer[];
  bytes: number;
  first: number;
  last: Position;
  hardState: HardState | undefined;
  hardStateSum: number;
  block: Chunk | undefined;
}

export class Batch implements Work {
  readonly durable = new Settlement();
  readonly leftovers = [];
  readonly #parts = new Map<GroupLog, Part>();
  readonly #pages: Pair[] = [];
  #entries = 0;
  #bytes = 0;

  get entries(): number {
    return this.#entries;
  }

  get bytes(): number {
    return this.#bytes;
  }

  hasRoomFor(bytes: number): boolean {
    if (this.#entries >= BATCH_ENTRIES_MAX) return false;
    return this.#bytes === 0 || this.#bytes + bytes <= BATCH_BYTES_MAX;
  }

  /** Adds the next entries of a group: those from `from` on, one at least, as far as there is room. */
  append(log: GroupLog, frames: readonly Buffer[], from: number): void {
    const part = this.#part(log);
    if (part.frames.length === 0) part.first = indexOf(frames[from] as Buffer);
    let at = from;
    do this.#add(part, frames[at++] as Buffer);
    while (at < frames.length && this.hasRoomFor((frames[at] as Buffer).length));
    part.last = placeOf(frames[at - 1] as Buffer);
  }

  /** Of several hard states of a group only the last one is written. */
  save(log: GroupLog, state: HardState): void {
    this.#part(log).hardState = state;
  }

  put(key: Buffer, value: Buffer): void {
    this.#pages.push([key, value]);
    this.#bytes += value.length;
  }

  lay(writes: StoreBatch): Promise<readonly Touched[]> {
    const touched: Touched[] = [];
    for (const [log, part] of this.#parts) {
      layFrames(writes, log, part);
      layHardState(writes, log, part);
      const { last, hardStateSum } = part;
      touched.push({
        group: log.keys.group,
        last: last.index,
        term: last.term,
        hardState: hardStateSum,
      });
    }
    for (const [key, value] of this.#pages) writes.put(key, value);
    return Promise.resolve(touched);
  }

  settle(window: Window): void {
    for (const [log, part] of this.#parts) {
      if (part.block !== undefined) window.keep(log.recent, part.block);
      if (part.hardState !== undefined) log.hardState = part.hardState;
      log.hardStateSum = part.hardStateSum;
      log.durable = part.last;
    }
  }

  #add(part: Part, frame: Buffer): void {
    part.frames.push(frame);
    part.bytes += frame.length;
    this.#entries += 1;
    this.#bytes += frame.length;
  }

  #part(log: GroupLog): Part {
    const known = this.#parts.get(log);
    if (known !== undefined) return known;
    const part: Part = {
      frames: [],
      bytes: 0,
      first: 0,
      last: ORIGIN,
      hardState: undefined,
      hardStateSum: 0,
      block: undefined,
    };
    this.#parts.set(log, part);
    return part;
  }
}

function layFrames(writes: StoreBatch, log: GroupLog, part: Part): void {
  // Without frames the group stands where the batch before left it, which is known only now.
  if (part.frames.length === 0) {
    part.last = log.durable;
    return;
  }
  const key = numbered(log.keys.block, part.first);
  const value = encodeBlock(key, part.frames, part.bytes);
  writes.put(key, value);
  part.block = blockOf(key, value);
}

function layHardState(writes: StoreBatch, log: GroupLog, part: Part): void {
  part.hardStateSum = log.hardStateSum;
  if (part.hardState === undefined) return;
  const value = encodeHardState(log.keys.hardState, part.hardState);
  writes.put(log.keys.hardState, value);
  part.hardStateSum = sealOf(value);
}
