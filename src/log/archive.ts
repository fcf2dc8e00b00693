/**
 * The log of a stopped node as evidence. Unlike `Log`, which opens only what recovery can vouch for, an
 * archive shows whatever is there: every entry, every fault, each with its place. It is opened on a clone
 * (`clone.ts`), for there it mends what LevelDB would stumble over.
 */
import { type Chain, type ChainBreak, readChain, standingName } from './chain-reading.ts';
import { wasCleanExit } from './clean-exit.ts';
import { faultOf, LogFault } from './fault.ts';
import { decodeFloor } from './floor.ts';
import { type GroupId, groupName } from './group.ts';
import { decodeHardState } from './hard-state.ts';
import { type Identity, readIdentity } from './identity.ts';
import { groupKeys, numberedRange, numberOf } from './keys.ts';
import { openStore } from './open-store.ts';
import { type Flaw, mendTables, scanStore } from './leveldb-scanner.ts';
import { snapshotDirectory, storeDirectory } from './opening.ts';
import { RecordedOutcomes } from './recorded-outcomes.ts';
import { RecordedPages } from './recorded-pages.ts';
import { groupsIn } from './recovery.ts';
import { sightBlock } from './sight-block.ts';
import type { Sighting } from './sighting.ts';
import { SnapshotShelf } from './snapshot-file.ts';
import { pairs, type Store } from './store.ts';

/** A fault of the store as a whole, or of a group's standing in it; `where` is a file or a key. */
export interface StoreFault {
  readonly where: string;
  readonly offset: number;
  readonly reason: string;
}

export interface ArchiveBounds {
  /** The oldest index that was not trimmed. */
  readonly first: number;
  /** The last index that was acknowledged, as the batch chain has it. */
  readonly last: number;
}

export type ArchiveOpened =
  | { readonly kind: 'archive'; readonly archive: Archive }
  /** LevelDB itself cannot make sense of its files. */
  | { readonly kind: 'unreadable'; readonly faults: readonly StoreFault[] };

export class Archive {
  readonly identity: Identity | undefined;
  /** What is wrong with the store, apart from its entries. */
  readonly faults: readonly StoreFault[];
  readonly #directory: string;
  readonly #store: Store;
  readonly #groups: ReadonlyMap<string, ArchivedGroup>;

  private constructor(directory: string, store: Store, found: Found) {
    this.#directory = directory;
    this.#store = store;
    this.identity = found.identity;
    this.faults = found.faults;
    this.#groups = found.groups;
  }

  /** @throws LogFault where the disk fails, something else holds the store, or it is of a newer format. */
  static async open(directory: string): Promise<ArchiveOpened> {
    const scan = await scanStore(storeDirectory(directory));
    await mendTables(storeDirectory(directory), scan);
    const flaws = scan.flaws.map(ofFile);
    const store = await openedStore(directory);
    if (store instanceof LogFault)
      return { kind: 'unreadable', faults: [...flaws, ofStore(store.message)] };
    const found = await lookAround(store, flaws).catch(async (error: unknown) => {
      await store.close();
      throw error;
    });
    return { kind: 'archive', archive: new Archive(directory, store, found) };
  }

  /** Every group that has anything in this store. */
  groups(): readonly GroupId[] {
    return [...this.#groups.values()].map(({ group }) => group);
  }

  bounds(id: GroupId): ArchiveBounds {
    return this.#groups.get(standingName(id)) ?? NOTHING;
  }

  /** Everything there is of a group from `from` on, in pages of one block. */
  async *read(id: GroupId, from: number): AsyncGenerator<readonly Sighting[]> {
    const keys = groupKeys(id);
    const pages = new RecordedPages(this.#store, keys.page);
    const outcomes = new RecordedOutcomes(pages);
    const holding = await this.#store.last(numberedRange(keys.block, 0, from));
    const start = holding === undefined ? from : numberOf(holding[0]);
    const range = numberedRange(keys.block, start, Number.MAX_SAFE_INTEGER);
    try {
      for await (const [key, value] of pairs(this.#store.scan(range)))
        yield await outcomes.beside(sightBlock(key, value).filter(({ index }) => index >= from));
    } finally {
      await pages.close();
    }
  }

  snapshots(id: GroupId): SnapshotShelf {
    return new SnapshotShelf(snapshotDirectory(this.#directory), id);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

interface ArchivedGroup extends ArchiveBounds {
  readonly group: GroupId;
}

const NOTHING: ArchiveBounds = { first: 1, last: 0 };

interface Found {
  readonly identity: Identity | undefined;
  readonly faults: readonly StoreFault[];
  readonly groups: ReadonlyMap<string, ArchivedGroup>;
}

function ofFile({ file, offset, reason }: Flaw): StoreFault {
  return { where: file, offset, reason };
}

function ofStore(reason: string): StoreFault {
  return { where: 'store', offset: 0, reason };
}

/** The store, or the fault that says it is damaged. */
async function openedStore(directory: string): Promise<Store | LogFault> {
  try {
    return await openStore(storeDirectory(directory));
  } catch (error) {
    const fault = faultOf(error);
    if (fault.code === 'damaged') return fault;
    throw fault;
  }
}

/** Everything besides entries and outcomes. */
async function lookAround(store: Store, flaws: readonly StoreFault[]): Promise<Found> {
  const faults = [...flaws];
  const identity = await identityIn(store, faults);
  const chain = await readChain(store);
  if (chain.broken !== undefined) faults.push(brokenChain(chain.broken));
  faults.push(...(await exitFaults(store, chain)));
  const groups = new Map<string, ArchivedGroup>();
  for (const [name, group] of await groupsNamed(store, chain)) {
    faults.push(...(await hardStateFaults(store, group)));
    const floor = await floorIn(store, group, faults);
    const { last } = chain.standings.get(name) ?? { last: floor };
    groups.set(name, { group, first: floor + 1, last });
  }
  return { identity, faults, groups };
}

/** Groups that have something in the store, or should have. */
async function groupsNamed(store: Store, { standings }: Chain): Promise<Map<string, GroupId>> {
  const named = new Map<string, GroupId>();
  for (const [name, { group, last }] of standings) if (last > 0) named.set(name, group);
  for await (const group of groupsIn(store)) named.set(standingName(group), group);
  return named;
}

/** A log that was closed after a batch that is not there has lost something. */
async function exitFaults(store: Store, { end }: Chain): Promise<readonly StoreFault[]> {
  try {
    await wasCleanExit(store, end.number);
    return [];
  } catch (error) {
    return [ofStore(faultOf(error).message)];
  }
}

function brokenChain({ batch, reason }: ChainBreak): StoreFault {
  return { where: `batch ${batch}`, offset: 0, reason: `the batch chain breaks: ${reason}` };
}

async function identityIn(store: Store, faults: StoreFault[]): Promise<Identity | undefined> {
  try {
    return await readIdentity(store);
  } catch (error) {
    const fault = faultOf(error);
    if (fault.code === 'newer-format') throw fault;
    faults.push(ofStore(fault.message));
    return undefined;
  }
}

async function hardStateFaults(store: Store, group: GroupId): Promise<readonly StoreFault[]> {
  const { hardState: key } = groupKeys(group);
  const value = await store.get(key);
  if (value === undefined || decodeHardState(key, value) !== undefined) return [];
  return [notAsWritten(`hard state of ${groupName(group)}`)];
}

/** The last index that was trimmed. */
async function floorIn(store: Store, group: GroupId, faults: StoreFault[]): Promise<number> {
  const { floor: key } = groupKeys(group);
  const value = await store.get(key);
  if (value === undefined) return 0;
  const floor = decodeFloor(key, value);
  if (floor !== undefined) return floor.index;
  faults.push(notAsWritten(`floor of ${groupName(group)}`));
  return 0;
}

function notAsWritten(where: string): StoreFault {
  return { where, offset: 0, reason: 'it is not what was written' };
}
