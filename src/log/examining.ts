/**
 * Reading a store as a whole, before it is opened: every byte LevelDB has written, the batch chain, and every
 * block of every group down to its frames. Opening looks at the end of each log only; what lies before it is
 * looked at here, when a run has stumbled over it.
 */
import { checkBlock, type Chunk } from './block.ts';
import { type GroupLog, GroupLogs } from './group-log.ts';
import { openStore } from './open-store.ts';
import { readIdentity } from './identity.ts';
import { assertUnflawed, scanStore } from './leveldb-scanner.ts';
import { asDamage, storeDirectory } from './opening.ts';
import { recoverGroups } from './recovery.ts';
import type { Store } from './store.ts';
import { blocksBetween, damage } from './stored-blocks.ts';

/** @throws LogFault `damaged`, naming the first place */
export async function examine(directory: string): Promise<void> {
  assertUnflawed(await scanStore(storeDirectory(directory)));
  const store = await openStore(storeDirectory(directory));
  try {
    await readIdentity(store);
    const logs = new GroupLogs();
    await recoverGroups(store, logs).catch(asDamage);
    for (const log of logs.all()) await examineGroup(store, log);
  } finally {
    await store.close();
  }
}

async function examineGroup(store: Store, log: GroupLog): Promise<void> {
  const { floor, durable } = log;
  if (floor.index === durable.index) return;
  for await (const block of blocksBetween(store, log, floor.index + 1, durable.index))
    assertFrames(log, block);
}

function assertFrames(log: GroupLog, block: Chunk): void {
  const check = checkBlock(block);
  if (check.kind === 'whole') return;
  throw damage(log, check.index, `${check.reason}, at byte ${check.offset} of its block`);
}
