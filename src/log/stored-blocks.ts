/**
 * Blocks of one group, from the window where they are in it, otherwise from the disk. What comes from
 * the disk is checked against its key and its neighbours: a gap is damage, never a short answer.
 */
import { type Chunk, decodeBlock } from './block.ts';
import { Compacted, damaged, type LogFault } from './fault.ts';
import { groupName } from './group.ts';
import type { GroupLog } from './group-log.ts';
import { numbered, numberedRange, numberOf } from './keys.ts';
import { type Pair, pairs, type Store } from './store.ts';

export function damage(log: GroupLog, index: number, reason: string): LogFault {
  return damaged(`group ${groupName(log.id)}, entry ${index}: ${reason}`);
}

/**
 * The block that holds an entry, or nothing where the log does not hold it any more: a trim or a
 * truncation may have taken it while the disk was asked.
 */
export async function blockAt(
  store: Store,
  log: GroupLog,
  index: number,
): Promise<Chunk | undefined> {
  const recent = log.recent.find(index);
  if (recent !== undefined) return recent;
  const pair = await store.last(numberedRange(log.keys.block, 0, index));
  return log.holds(index) ? holding(log, index, pair) : undefined;
}

function holding(log: GroupLog, index: number, pair: Pair | undefined): Chunk {
  if (pair === undefined) throw damage(log, index, 'its block is missing');
  const block = checked(log, pair);
  if (block.last < index) throw damage(log, index, 'its block is missing');
  return block;
}

/**
 * The blocks from the one that holds `from` to the one that holds `to`. Ends early where the rest was
 * truncated meanwhile.
 * @throws Compacted where what comes next was trimmed
 */
export async function* blocksBetween(
  store: Store,
  log: GroupLog,
  from: number,
  to: number,
): AsyncGenerator<Chunk> {
  let next = from;
  assertReachable(log, next);
  while (next <= Math.min(to, log.durable.index)) {
    assertReachable(log, next);
    for await (const block of run(store, log, next, to)) {
      yield block;
      next = block.last + 1;
    }
  }
}

function assertReachable(log: GroupLog, index: number): void {
  if (index <= log.floor.index) throw new Compacted(log.floor.index + 1, undefined);
}

/** One block from the window, or all that a scan of the disk finds; nothing where they are gone. */
async function* run(store: Store, log: GroupLog, from: number, to: number): AsyncGenerator<Chunk> {
  let block = await blockAt(store, log, from);
  if (block === undefined) return;
  yield block;
  if (log.recent.find(from) !== undefined) return;
  for await (const pair of pairs(store.scan(numberedRange(log.keys.block, block.last + 1, to)))) {
    block = following(log, block.last + 1, pair);
    yield block;
  }
}

function following(log: GroupLog, expected: number, pair: Pair): Chunk {
  const first = numberOf(pair[0]);
  if (first === expected) return checked(log, pair);
  // It may have been trimmed since the block before it was read.
  assertReachable(log, expected);
  throw damage(log, expected, `the next block starts at ${first}`);
}

function checked(log: GroupLog, [key, value]: Pair): Chunk {
  const block = decodeBlock(key, value);
  if (block === undefined) throw damage(log, numberOf(key), 'the block is not what was written');
  return block;
}

/** The keys of all blocks whose first entry is `from` or later. */
export async function blockKeysFrom(store: Store, log: GroupLog, from: number): Promise<Buffer[]> {
  const keys: Buffer[] = [];
  const range = numberedRange(log.keys.block, from, Number.MAX_SAFE_INTEGER);
  for await (const [key] of pairs(store.scan(range))) keys.push(key);
  return keys;
}

/** The key of the block that starts at `first`. */
export function blockKey(log: GroupLog, first: number): Buffer {
  return numbered(log.keys.block, first);
}
