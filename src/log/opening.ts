/**
 * Opening: from a data directory to a store that may be believed, in an order that destroys no evidence.
 *
 * ```
 *   scan LevelDB's files ─▶ open the store ─▶ whose is it ─▶ follow the chain ─▶ remove half-written snapshots
 *   (damage: stop here,     (in use,          (foreign,      (damage)
 *    nothing was changed)    read-only, full)  newer format)
 * ```
 */
import { join } from 'node:path';
import type { ChainEnd } from './batch-chain.ts';
import { wasCleanExit } from './clean-exit.ts';
import { damaged, LogFault } from './fault.ts';
import type { Files } from './files.ts';
import { GroupLogs } from './group-log.ts';
import { assertClaim, type Claim, foundIdentity, type Identity, readIdentity } from './identity.ts';
import { recoverGroups } from './recovery.ts';
import {
  assertUnflawed,
  type ScanBounds,
  type StoreScan,
  type TornTail,
} from './leveldb-scanner.ts';
import { removeUnfinished } from './snapshot-file.ts';
import type { Store, StoreFactory } from './store.ts';

/** What opening found out. For the log line, `/status` and the audit. */
export interface RecoveryReport {
  /** There was no store: this node has no history, and must not vote as if it had. */
  readonly startedEmpty: boolean;
  /** The log was not closed before: a crash, a kill, a power cut. */
  readonly uncleanExit: boolean;
  readonly groups: number;
  /** The number of the last batch. */
  readonly batches: number;
  /** The end of LevelDB's own log that was cut off in the middle of a record, and was dropped. */
  readonly tornTail?: TornTail;
  /** Bytes of all torn ends together. */
  readonly droppedBytes: number;
  /** Bytes of table files whose data was not looked at, because the log was closed in order and they are old. */
  readonly unreadBytes: number;
}

export interface Opened {
  readonly directory: string;
  readonly files: Files;
  readonly store: Store;
  readonly identity: Identity;
  readonly logs: GroupLogs;
  readonly chain: ChainEnd;
  readonly report: RecoveryReport;
}

export function storeDirectory(directory: string): string {
  return join(directory, 'log');
}

export function snapshotDirectory(directory: string): string {
  return join(directory, 'snapshots');
}

/** Looks at the files of a store before it is opened. */
export type Scan = (directory: string, bounds: ScanBounds) => Promise<StoreScan>;

/** Who opens the log, on what, and who hears that it takes its time. */
export interface Opening extends Claim {
  readonly store: StoreFactory;
  readonly scan: Scan;
  readonly files: Files;
  /** Told how many bytes of table files are read first, where that may take seconds. */
  readonly onLongScan: (bytes: number) => void;
}

/**
 * How much data of table files is read before a store is opened that was closed in order: less than half a
 * second. Beyond it lies older history, of which only the frame is looked at; `quorate log verify` reads all
 * of it.
 */
const DATA_BYTES_MAX = 256 * 1024 ** 2;

/** @throws LogFault; the store is closed again then. */
export async function openLog(directory: string, opening: Opening): Promise<Opened> {
  const bounds = { dataBytesMax: DATA_BYTES_MAX, onLong: opening.onLongScan };
  const scan = await opening.scan(storeDirectory(directory), bounds);
  assertUnflawed(scan);
  const store = await opening.store(storeDirectory(directory));
  try {
    return await believed({ directory, store, scan, files: opening.files }, opening);
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Found {
  readonly directory: string;
  readonly store: Store;
  readonly scan: StoreScan;
  readonly files: Files;
}

async function believed({ directory, store, scan, files }: Found, claim: Claim): Promise<Opened> {
  const known = await readIdentity(store);
  if (known !== undefined) assertClaim(known, claim);
  const logs = new GroupLogs();
  const { end: chain } = await recoverGroups(store, logs).catch(asDamage);
  const groups = [...logs.all()].length;
  const uncleanExit = !(await wasCleanExit(store, chain.number));
  const startedEmpty = known === undefined;
  const report = { startedEmpty, uncleanExit, groups, batches: chain.number, ...seen(scan) };
  const identity = known ?? (await founded(store, claim, chain.number + groups));
  await removeUnfinished(snapshotDirectory(directory), files);
  return { directory, files, store, identity, logs, chain, report };
}

/** What cannot even be read as keys and values of ours is not what was written. */
export function asDamage(error: unknown): never {
  if (error instanceof LogFault) throw error;
  throw damaged(`the store holds what was never written (${String(error)})`, { cause: error });
}

function seen({
  torn,
  unread: unreadBytes,
}: StoreScan): Pick<RecoveryReport, 'tornTail' | 'droppedBytes' | 'unreadBytes'> {
  const droppedBytes = torn.reduce((sum, { bytes }) => sum + bytes, 0);
  const [tornTail] = torn;
  const sums = { droppedBytes, unreadBytes };
  return tornTail === undefined ? sums : { tornTail, ...sums };
}

/** Only a store that holds nothing, neither batches nor groups, may be given an identity. */
function founded(store: Store, claim: Claim, holdings: number): Promise<Identity> {
  if (holdings === 0) return foundIdentity(store, claim);
  throw damaged('the store has batches but no identity');
}
