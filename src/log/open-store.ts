/**
 * Opens the store of a log: interleaved, unless it is of format 1, whose keys lie in LevelDB as they are. Its identity
 * tells; where that is lost, so do keys that only format 1 has.
 */
import { faultOf } from './fault.ts';
import { FORMAT_VERSION, readIdentity } from './identity.ts';
import { InterleavedStore } from './interleaved-store.ts';
import { EVERY_LINK, everyGroup, KIND } from './keys.ts';
import { LevelStore } from './level-store.ts';
import type { Range, Store } from './store.ts';

const PLAIN_FORMAT = 1;
const PLAIN_KEYS: readonly Range[] = [EVERY_LINK, everyGroup(KIND.block), everyGroup(KIND.page)];

/**
 * Opens the store in `directory`, creating it where there is none.
 * @throws LogFault `in-use`, `read-only`, `no-space`, `damaged` or `io`.
 */
export async function openStore(directory: string): Promise<Store> {
  const places = await LevelStore.open(directory);
  try {
    return (await formatOf(places)) === PLAIN_FORMAT ? places : new InterleavedStore(places);
  } catch (error) {
    await places.close();
    throw error;
  }
}

async function formatOf(places: Store): Promise<number> {
  const identity = await readIdentity(places).catch(unlessUnreadable);
  return identity?.formatVersion ?? (await formatOfKeys(places));
}

/** Whoever reads on is told the same; that the disk failed is no reason to guess. */
function unlessUnreadable(error: unknown): undefined {
  const { code } = faultOf(error);
  if (code !== 'damaged' && code !== 'newer-format') throw error;
}

async function formatOfKeys(places: Store): Promise<number> {
  const found = await Promise.all(PLAIN_KEYS.map((range) => places.first(range)));
  return found.some((pair) => pair !== undefined) ? PLAIN_FORMAT : FORMAT_VERSION;
}
