/**
 * Repair: the longest prefix of every group that can be proved, written to a new directory, with a record
 * of what was left out and why. The old directory is only read, through a clone.
 *
 * Proved is what hangs together: blocks whole and bound to their place, frames intact, indices without a
 * gap, terms that never fall; and, where the batch chain breaks, only up to where the part of the chain
 * that holds says the group stood. Entries after the break may look well and yet be what a lost batch
 * replaced.
 *
 * The new store has a new id: in a cluster it is not the voter the old one was, and learns from the
 * others before it votes. Its last votes may be among what was lost.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Chain, readChain, standingName } from './chain-reading.ts';
import { cloneStopped, type IsRunning } from './clone.ts';
import { namesIn, syncDirectory } from './directory.ts';
import { findingOf, LogFault } from './fault.ts';
import { type GroupLog, GroupLogs } from './group-log.ts';
import { foundIdentity, type Identity, readIdentity } from './identity.ts';
import type { Kind } from './keys.ts';
import { LevelStore } from './level-store.ts';
import { openStore } from './open-store.ts';
import { mendTables, scanStore, type StoreScan } from './leveldb-scanner.ts';
import { snapshotDirectory, storeDirectory } from './opening.ts';
import { groupsWith, isRemoved, TELLING_KINDS } from './recovery.ts';
import { Rewriter } from './rewriter.ts';
import { type Salvage, salvage } from './salvage.ts';
import { copySnapshots, type LeftSnapshot } from './salvage-snapshots.ts';
import type { Store } from './store.ts';
import type { Milliseconds } from './time.ts';

/** What `repair.json` in the new directory says. */
export interface RepairRecord {
  readonly source: string;
  readonly repaired_at: Milliseconds;
  readonly identity: Identity;
  /** What was wrong with LevelDB's files. */
  readonly files: StoreScan;
  /** Where the batch chain breaks, if it does. */
  readonly chain: Chain['broken'];
  readonly groups: readonly Salvage[];
  /** Keys that nobody ever wrote. A group that only keys behind one of them, of its kind, tell of is not found. */
  readonly keys_left_out: readonly string[];
  readonly snapshots_left_out: readonly LeftSnapshot[];
}

export interface RepairOptions {
  readonly directory: string;
  /** Must not exist, or be empty. */
  readonly target: string;
  readonly drawId: () => string;
  readonly now: Milliseconds;
  readonly isRunning: IsRunning;
}

/** Files without which LevelDB does not know what belongs to the store. */
const BLINDING = /^(CURRENT|MANIFEST-)/;

export const REPAIR_FILE = 'repair.json';

/**
 * Writes what can be proved of `directory` to `target`.
 * @throws LogFault `in-use` where the node runs or the target is not empty; `damaged` where not even the
 *   identity of the store can be read
 */
export async function repairLog(options: RepairOptions): Promise<RepairRecord> {
  const { directory, target } = options;
  await assertEmpty(target);
  const clone = await cloneStopped(directory, options.isRunning);
  try {
    const files = await scanStore(storeDirectory(directory));
    const source = await openDamaged(storeDirectory(clone.directory), files);
    return await closing(source, () => rebuilt(source, files, clone.directory, options));
  } finally {
    await clone.dispose();
  }
}

async function assertEmpty(target: string): Promise<void> {
  if ((await namesIn(target)).length === 0) return;
  throw new LogFault('in-use', `${target} is not empty; name a directory that does not exist`);
}

/**
 * Without an intact CURRENT and manifest LevelDB would begin a new store and delete the old tables. Rotten
 * tables it must not see at all.
 */
async function openDamaged(directory: string, files: StoreScan): Promise<Store> {
  await mendTables(directory, files);
  const blind = files.flaws.some(({ file }) => BLINDING.test(file));
  if (blind) await LevelStore.rebuild(directory);
  return openStore(directory).catch(async () => {
    await LevelStore.rebuild(directory);
    return openStore(directory);
  });
}

async function closing<Value>(store: Store, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } finally {
    await store.close();
  }
}

async function rebuilt(
  source: Store,
  files: StoreScan,
  clone: string,
  { directory, target, drawId, now }: RepairOptions,
): Promise<RepairRecord> {
  const old = await knownIdentity(source);
  await mkdir(storeDirectory(target), { recursive: true });
  const store = await openStore(storeDirectory(target));
  return closing(store, async () => {
    // One of a cluster has to ask its way back in: what this store is called now, nobody knows.
    const claim = { ...old, isNewCluster: false, drawId, now };
    const identity = await foundIdentity(store, claim);
    const salvaged = await salvagedGroups(source, store, files);
    const { groups } = salvaged;
    const left = await copySnapshots(snapshotDirectory(clone), snapshotDirectory(target), groups);
    const found = { identity, files, ...salvaged, snapshots_left_out: left };
    const record: RepairRecord = { source: directory, repaired_at: now, ...found };
    await writeFile(join(target, REPAIR_FILE), `${JSON.stringify(record, null, 2)}\n`, {
      flush: true,
    });
    await syncDirectory(target);
    return record;
  });
}

async function knownIdentity(source: Store): Promise<Identity> {
  const identity = await readIdentity(source);
  if (identity !== undefined) return identity;
  throw new LogFault('damaged', 'the store has no identity left: nothing in it can be attributed');
}

type Salvaged = Pick<RepairRecord, 'chain' | 'groups' | 'keys_left_out'>;

async function salvagedGroups(source: Store, store: Store, files: StoreScan): Promise<Salvaged> {
  const chain = await readChain(source);
  const rewriter = new Rewriter(store);
  const complete = chain.broken === undefined && files.flaws.length === 0;
  const groups: Salvage[] = [];
  const { logs, unread } = await groupsLeft(source, chain);
  for (const log of logs) {
    const standing = chain.standings.get(standingName(log.id));
    groups.push(await salvage({ store: source, log, standing, complete }, rewriter));
  }
  await rewriter.finish();
  return { chain: chain.broken, groups, keys_left_out: unread };
}

interface GroupsLeft {
  readonly logs: readonly GroupLog[];
  readonly unread: readonly string[];
}

/** Every group that is there, or that the chain tells of, and was not removed. */
async function groupsLeft(source: Store, { standings }: Chain): Promise<GroupsLeft> {
  const logs = new GroupLogs();
  const unread: string[] = [];
  for (const kind of TELLING_KINDS)
    await findGroups(source, kind, logs).catch((error: unknown) => unread.push(findingOf(error)));
  for (const standing of standings.values()) {
    if (isRemoved(standing)) logs.remove(standing.group);
    else logs.of(standing.group);
  }
  return { logs: [...logs.all()], unread };
}

async function findGroups(source: Store, kind: Kind, logs: GroupLogs): Promise<void> {
  for await (const id of groupsWith(source, kind)) logs.of(id);
}
