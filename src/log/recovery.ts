/**
 * Recovery: what a store that was just opened may be believed about.
 *
 * The batch chain is followed first. Then every group must stand where the chain says: its last entry,
 * its hard state, its floor; and its newest block must be whole, frame by frame. Anything else is damage,
 * named with group and index; the log is not opened, and nothing is truncated.
 */
import { type BlockCheck, checkBlock, type Chunk, decodeBlock } from './block.ts';
import { type Chain, readChain, type Standing, standingName } from './chain-reading.ts';
import { damaged } from './fault.ts';
import { decodeFloor, type Position } from './floor.ts';
import { GroupLog, type GroupLogs } from './group-log.ts';
import type { GroupId } from './group.ts';
import { decodeHardState } from './hard-state.ts';
import {
  everyGroup,
  everyNumber,
  groupOfKey,
  KIND,
  type Kind,
  neverWritten,
  numberedRange,
} from './keys.ts';
import { sealOf } from './sealed-value.ts';
import { type Pair, pairs, type Store } from './store.ts';
import { blockKey, damage } from './stored-blocks.ts';

/** Reads all groups into `logs`. @throws LogFault `damaged`. */
export async function recoverGroups(store: Store, logs: GroupLogs): Promise<Chain> {
  const chain = await readChain(store);
  assertWhole(chain);
  for await (const id of groupsIn(store)) logs.of(id);
  for (const { group } of chain.standings.values()) logs.of(group);
  for (const log of logs.all()) await recoverGroup(store, logs, log, chain);
  return chain;
}

function assertWhole({ broken }: Chain): void {
  if (broken === undefined) return;
  throw damaged(
    `the batch chain breaks at batch ${broken.batch}: ${broken.reason}; acknowledged data is missing`,
  );
}

/** Kinds of keys by which groups are found. */
export const TELLING_KINDS: readonly Kind[] = [KIND.hardState, KIND.floor, KIND.block];

/** Every group that has anything filed under it; some more than once. */
export async function* groupsIn(store: Store): AsyncGenerator<GroupId> {
  for (const kind of TELLING_KINDS) yield* groupsWith(store, kind);
}

/** @throws LogFault `damaged` at a key that was never written */
export async function* groupsWith(store: Store, kind: Kind): AsyncGenerator<GroupId> {
  if (kind === KIND.block) return yield* groupsWithBlocks(store, kind);
  for await (const [key] of pairs(store.scan(everyGroup(kind)))) yield groupOfKey(key).group;
}

/** Leaps from group to group instead of walking through their blocks. */
async function* groupsWithBlocks(store: Store, kind: Kind): AsyncGenerator<GroupId> {
  const { from, to } = everyGroup(kind);
  let pair = await store.first({ from, to });
  while (pair !== undefined) {
    const [key] = pair;
    const { group } = groupOfKey(key);
    yield group;
    pair = await store.first({ from: everyNumber(new GroupLog(group).keys.block).to, to });
    assertBehind(key, pair?.[0]);
  }
}

/** A number, or a stretch, that nobody ever wrote would be found again and again. */
function assertBehind(before: Buffer, key: Buffer | undefined): void {
  if (key === undefined || before.compare(key) < 0) return;
  throw neverWritten(key);
}

async function recoverGroup(
  store: Store,
  logs: GroupLogs,
  log: GroupLog,
  chain: Chain,
): Promise<void> {
  const standing = chain.standings.get(standingName(log.id));
  if (standing !== undefined && isRemoved(standing)) {
    logs.remove(log.id);
    await clearLeftovers(store, log);
    return;
  }
  await loadGroup(store, log);
  if (standing !== undefined) assertStanding(log, standing);
}

/** The last batch that touched the group removed it; a crash may have left some of its keys. */
export function isRemoved({ last, hardState }: Standing): boolean {
  return last === 0 && hardState === 0;
}

async function clearLeftovers(store: Store, { keys }: GroupLog): Promise<void> {
  for (const prefix of [keys.block, keys.page, keys.tile]) await store.clear(everyNumber(prefix));
}

async function loadGroup(store: Store, log: GroupLog): Promise<void> {
  const [floor, hardState] = await store.getMany([log.keys.floor, log.keys.hardState]);
  if (floor !== undefined) log.floor = floorIn(log, floor);
  if (hardState !== undefined) loadHardState(log, hardState);
  log.durable = await newestEntry(store, log);
  log.tail = log.durable;
}

function floorIn(log: GroupLog, value: Buffer): Position {
  const floor = decodeFloor(log.keys.floor, value);
  if (floor === undefined) throw damage(log, 0, 'its floor is not what was written');
  return floor;
}

function loadHardState(log: GroupLog, value: Buffer): void {
  const state = decodeHardState(log.keys.hardState, value);
  if (state === undefined) throw damage(log, 0, 'its hard state is not what was written');
  log.hardState = state;
  log.hardStateSum = sealOf(value);
  log.committed = state.commit;
}

/** The last entry, after its block was read frame by frame. What lies below the floor is out of reach. */
async function newestEntry(store: Store, log: GroupLog): Promise<Position> {
  const oldest = log.floor.index + 1;
  const pair = await store.last(numberedRange(log.keys.block, oldest, Number.MAX_SAFE_INTEGER));
  if (pair === undefined) return log.floor;
  if ((await store.get(blockKey(log, oldest))) === undefined)
    throw damage(log, oldest, 'the oldest block is missing');
  return wholeBlock(log, checkBlock(newestBlock(log, pair)));
}

function newestBlock(log: GroupLog, [key, value]: Pair): Chunk {
  const block = decodeBlock(key, value);
  if (block === undefined)
    throw damage(log, log.floor.index, 'its newest block is not what was written');
  return block;
}

function wholeBlock(log: GroupLog, check: BlockCheck): Position {
  if (check.kind === 'whole') return { index: check.last.index, term: check.last.term };
  throw damage(log, check.index, `${check.reason}, at byte ${check.offset} of its block`);
}

function assertStanding(log: GroupLog, standing: Standing): void {
  const { index, term } = log.durable;
  if (index !== standing.last || term !== standing.term)
    throw damage(
      log,
      standing.last,
      `batch ${standing.batch} wrote it, but the log ends at ${index}`,
    );
  if (log.hardStateSum === standing.hardState) return;
  throw damage(log, index, `its hard state is not the one batch ${standing.batch} wrote`);
}
