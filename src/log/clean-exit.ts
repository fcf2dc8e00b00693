/**
 * The mark of a clean exit: the number of the last batch, written when the log is closed. The next batch
 * makes it stale, so nobody has to take it away; a mark ahead of the chain means that batches are gone.
 *
 * ```
 * key    x
 * value  [4: crc32 of key ‖ rest][8: number of the last batch]
 * ```
 */
import { damaged } from './fault.ts';
import { readUint64, writeUint64 } from './integer.ts';
import { CLEAN_EXIT_KEY } from './keys.ts';
import { seal, SEAL_BYTES, unseal } from './sealed-value.ts';
import type { Store } from './store.ts';

export async function markCleanExit(store: Store, batch: number): Promise<void> {
  const value = Buffer.allocUnsafe(SEAL_BYTES + 8);
  writeUint64(value, batch, SEAL_BYTES);
  const writes = store.batch();
  writes.put(CLEAN_EXIT_KEY, seal(CLEAN_EXIT_KEY, value));
  await writes.write({ sync: true });
}

/**
 * Whether the log was closed after `batch`, the last one that is there.
 * @throws LogFault `damaged` when it was closed after a later one.
 */
export async function wasCleanExit(store: Store, batch: number): Promise<boolean> {
  const marked = await readMark(store);
  if (marked > batch)
    throw damaged(
      `the log was closed after batch ${marked}, but batch ${batch} is the last one there`,
    );
  return marked === batch;
}

/** @returns 0 where there is no mark, which is right for a store without batches. */
async function readMark(store: Store): Promise<number> {
  const value = await store.get(CLEAN_EXIT_KEY);
  if (value === undefined) return 0;
  const payload = unseal(CLEAN_EXIT_KEY, value);
  if (payload?.length !== 8) throw damaged('the mark of the last exit is damaged');
  return readUint64(payload, 0);
}
