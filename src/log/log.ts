/**
 * The log of a node: what happened, in all its groups, durable before anybody hears of it.
 *
 * ```
 *   append, saveHardState ──▶ queue ──▶ batch ──▶ LevelDB, fsync ──▶ promise resolves
 *                                         │            │
 *                                       window ───────▶└─▶ read, frame
 * ```
 *
 * Frames are opaque and sealed before they come; the engine has given them their index. One writer
 * carries the batches of all groups (`writer.ts`), the batch chain proves that none went missing
 * (`batch-chain.ts`), and nothing is opened that recovery cannot vouch for (`recovery.ts`).
 */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { GROUP_ENTRIES_MAX, QUEUE_BYTES_MAX, QUEUE_ENTRIES_MAX, worse } from './backpressure.ts';
import { type Chunk, frameIn } from './block.ts';
import { markCleanExit } from './clean-exit.ts';
import { Edit, prepended, removed, startedAfter, trimmed, truncated } from './edit.ts';
import { Compacted, isDamage, LogFault } from './fault.ts';
import { type Files, fileSystem } from './files.ts';
import type { Position } from './floor.ts';
import { GroupLog, type GroupLogs } from './group-log.ts';
import type { GroupId } from './group.ts';
import type { HardState } from './hard-state.ts';
import { arrived, belongTo, type Identity } from './identity.ts';
import { numbered, numberedRange } from './keys.ts';
import { openStore } from './open-store.ts';
import { scanStore } from './leveldb-scanner.ts';
import {
  type Opened,
  openLog,
  type RecoveryReport,
  type Scan,
  snapshotDirectory,
} from './opening.ts';
import { CHUNK_BYTES, chunks } from './reader.ts';
import { RecordedPages } from './recorded-pages.ts';
import { SnapshotShelf } from './snapshot-file.ts';
import type { Store, StoreFactory } from './store.ts';
import { blockAt, blocksBetween } from './stored-blocks.ts';
import type { Clock } from './time.ts';
import type { Level, Traffic } from './traffic.ts';
import type { BatchReport, Usage } from './usage.ts';
import {
  DISK_BOUNDS,
  type DiskBounds,
  type DiskGauge,
  fileSystemShare,
  Watermarks,
} from './watermarks.ts';
import { WINDOW, Window, type WindowBound } from './window.ts';
import { Writer } from './writer.ts';

export interface LogOptions {
  /** The data directory: LevelDB lies in `log`, snapshot files in `snapshots`. */
  readonly directory: string;
  readonly nodeId: string;
  /** Undefined: the cluster of the store that is there, or a new one named by `drawId`. */
  readonly clusterId: string | undefined;
  /** False: an empty store belongs to no cluster until `belongTo`. True when not given. */
  readonly isNewCluster?: boolean;
  readonly drawId: () => string;
  readonly clock: Clock;
  /** Where the entries lie; LevelDB when not given. */
  readonly store?: StoreFactory;
  /** Looks at the store's files before it is opened; LevelDB's when not given. */
  readonly scan?: Scan;
  /** What lies beside the store; the operating system's when not given. */
  readonly files?: Files;
  /** What is kept in memory of all groups together. */
  readonly window?: WindowBound;
  /** How full the disk may be. */
  readonly disk?: DiskBounds;
  /** Measures the disk; `statfs` when not given. */
  readonly diskGauge?: DiskGauge;
  /** Ends the current turn of the event loop; what is appended within one turn shares a batch. */
  readonly turn?: () => Promise<unknown>;
  /** Told once when a write failed. Nothing is acknowledged any more; the node then exits. */
  readonly onPoison: (cause: Error) => void;
  /** Told of every batch that reached the disk. */
  readonly onBatch?: (report: BatchReport) => void;
  /** Told of damage that was found while reading what is on the disk. */
  readonly onDamage?: (fault: LogFault) => void;
  /** Told, before opening, how many bytes of table files are read first, where that may take seconds. */
  readonly onLongScan?: (bytes: number) => void;
}

const DEFAULTS = {
  store: openStore,
  scan: scanStore,
  files: fileSystem,
  window: WINDOW,
  disk: DISK_BOUNDS,
  diskGauge: fileSystemShare,
  turn: () => setImmediate(),
  onBatch: () => undefined,
  isNewCluster: true,
  onDamage: () => undefined,
  onLongScan: () => undefined,
} as const satisfies Partial<LogOptions>;

type Complete = Required<LogOptions>;

export interface Bounds {
  /** The oldest index that can be read; one past `last` in an empty log. */
  readonly first: number;
  /** The last index that is on the disk; where nothing follows a floor, the floor. */
  readonly last: number;
  readonly lastTerm: number;
}

export interface ReadOptions {
  /** The last index wanted; at most the last one that is committed and on the disk. */
  readonly to?: number;
  /** Budget of a chunk, in bytes of frames. */
  readonly bytes?: number;
  /** Also what is not committed: for replication only. */
  readonly uncommitted?: boolean;
}

interface OpenedFor extends Opened {
  readonly onDamage: (fault: LogFault) => void;
}

export class Log {
  readonly recovery: RecoveryReport;
  #identity: Identity;
  readonly #directory: string;
  readonly #files: Files;
  readonly #store: Store;
  readonly #logs: GroupLogs;
  readonly #writer: Writer;
  readonly #watermarks: Watermarks;
  readonly #onDamage: (fault: LogFault) => void;
  #closed: Promise<void> | undefined;

  private constructor(opened: OpenedFor, writer: Writer, watermarks: Watermarks) {
    this.#onDamage = opened.onDamage;
    this.#identity = opened.identity;
    this.recovery = opened.report;
    this.#directory = opened.directory;
    this.#files = opened.files;
    this.#store = opened.store;
    this.#logs = opened.logs;
    this.#writer = writer;
    this.#watermarks = watermarks;
  }

  /** @throws LogFault, one clear line that says what to do. Nothing stays open then. */
  static async open(options: LogOptions): Promise<Log> {
    const complete: Complete = { ...DEFAULTS, ...options };
    const { directory, clock, disk: bounds, diskGauge: gauge } = complete;
    const opened = await openLog(directory, { ...complete, now: clock.now() });
    const { store, chain } = opened;
    const window = new Window(complete.window);
    const writer = new Writer({ ...complete, store, chain, window });
    const watermarks = new Watermarks({ directory, gauge, bounds, clock });
    await watermarks.start();
    return new Log({ ...opened, onDamage: complete.onDamage }, writer, watermarks);
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** The store joins a cluster, if it belongs to none yet. @throws LogFault `foreign-store` */
  async belongTo(clusterId: string): Promise<void> {
    this.#identity = await belongTo(this.#store, this.#identity, clusterId);
  }

  /** The store takes part in its cluster as it asked to. */
  async arrived(): Promise<void> {
    this.#identity = await arrived(this.#store, this.#identity);
  }

  /** Every group that has anything in this log. */
  groups(): readonly GroupId[] {
    return [...this.#logs.all()].map(({ id }) => id);
  }

  bounds(group: GroupId): Bounds {
    const { floor, durable } = this.#known(group);
    return { first: floor.index + 1, last: durable.index, lastTerm: durable.term };
  }

  /** What lies before the oldest: the place of a snapshot, or of what was trimmed; 0 at the beginning. */
  floor(group: GroupId): Position {
    return this.#known(group).floor;
  }

  /** The last one that is on the disk. */
  hardState(group: GroupId): HardState | undefined {
    return this.#logs.find(group)?.hardState;
  }

  /** The worse of the queue's level and the disk's. */
  level(): Level {
    return worse(this.#writer.backpressure.level, this.#watermarks.level);
  }

  /**
   * Whether a frame of this class and size may be appended. Asked before an index is given to it; a
   * refusal is answered with `backpressure`. What has an index is always taken.
   */
  admits(group: GroupId, traffic: Traffic, bytes: number): boolean {
    const admitted =
      this.#leavesRoom(group, traffic) &&
      this.#diskAdmits(traffic) &&
      this.#writer.backpressure.admits(traffic, bytes);
    if (!admitted) this.#writer.tally.rejected();
    return admitted;
  }

  usage(): Usage {
    const { backpressure, tally } = this.#writer;
    return {
      entries: backpressure.entries,
      bytes: backpressure.bytes,
      capacity: { entries: QUEUE_ENTRIES_MAX, bytes: QUEUE_BYTES_MAX },
      level: this.level(),
      disk_fraction: this.#watermarks.share,
      disk_level: this.#watermarks.level,
      totals: tally.totals,
      peak_queue: backpressure.peak,
      peak_batch: tally.peakBatch,
      last_fsync_ms: tally.lastSync,
    };
  }

  /**
   * Appends a sealed frame whose index is the next of its group. Resolves, in order, after the fsync of
   * the batch that holds it. The frame must not be changed afterwards.
   */
  append(group: GroupId, frame: Buffer, traffic: Traffic): Promise<void> {
    return this.appendAll(group, [frame], traffic);
  }

  /** Appends frames that follow each other, one at least, as `append` does. Resolves when all are on the disk. */
  appendAll(group: GroupId, frames: readonly Buffer[], traffic: Traffic): Promise<void> {
    const log = this.#logs.of(group);
    log.extend(frames);
    return this.#writer.append(log, frames, traffic);
  }

  /** The turn is over for all who append: what has gathered goes to the disk without waiting for its end. */
  hurry(): void {
    this.#writer.hurry();
  }

  /** Durable when it resolves; rides in the same batches as the entries. */
  saveHardState(group: GroupId, state: HardState): Promise<void> {
    return this.#writer.save(this.#logs.of(group), state);
  }

  /** Rides in the next batch; may be lost in a crash, and is then derived again. */
  putOutcomePage(group: GroupId, page: number, bytes: Uint8Array): void {
    const { keys } = this.#logs.of(group);
    this.#writer.put(numbered(keys.page, page), Buffer.from(bytes));
  }

  /** Resolves when every outcome page handed over so far is on the disk. */
  flushOutcomes(): Promise<void> {
    return this.#writer.flush();
  }

  /** Resolves when everything handed over so far is on the disk. */
  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** Takes back the entries from `from` on: another leader's took their place. The next index is `from`. */
  truncate(group: GroupId, from: number): Promise<void> {
    const log = this.#logs.of(group);
    assert(from > log.floor.index && from > log.committed, 'what is committed is never taken back');
    if (from > log.tail.index) return this.#writer.flush();
    // The term before is looked up when the edit has its turn; until then any term may follow.
    log.tail = { index: from - 1, term: 0 };
    return this.#writer.submit(new Edit(log, () => truncated(this.#store, log, from)));
  }

  /** The log goes on after `floor`: an installed snapshot took the place of all entries. */
  startAfter(group: GroupId, floor: Position): Promise<void> {
    const log = this.#logs.of(group);
    log.tail = floor;
    log.committed = Math.max(log.committed, floor.index);
    return this.#writer.submit(new Edit(log, () => startedAfter(this.#store, log, floor)));
  }

  /**
   * History from a peer: `floor` is then what lies before it.
   *
   * @param chunks one or more, each ending where the next begins, the last of them at the floor of now
   */
  prepend(group: GroupId, chunks: readonly Chunk[], floor: Position): Promise<void> {
    const log = this.#logs.of(group);
    return this.#writer.submit(new Edit(log, () => prepended(this.#store, log, chunks, floor)));
  }

  /** Gives up whole blocks, and outcome pages, that end at or below `upTo`; never what is not committed. */
  trim(group: GroupId, upTo: number): Promise<void> {
    const log = this.#logs.of(group);
    const limit = Math.min(upTo, log.readable);
    return this.#writer.submit(new Edit(log, () => trimmed(this.#store, log, limit)));
  }

  /** Removes everything of a group, its snapshots too. Its incarnation must never be used again. */
  async remove(group: GroupId): Promise<void> {
    const log = this.#logs.of(group);
    await this.#writer.submit(new Edit(log, () => Promise.resolve(removed(log))));
    this.#logs.remove(group);
    await this.snapshots(group).remove();
  }

  /**
   * Reads stored entries from `from` to what is committed and on the disk now.
   * @throws Compacted where `from` was trimmed; LogFault `damaged` where the disk gives something else
   */
  async *read(group: GroupId, from: number, options: ReadOptions = {}): AsyncGenerator<Chunk> {
    const log = this.#known(group);
    const { bytes = CHUNK_BYTES } = options;
    const to = lastWanted(log, options);
    try {
      yield* chunks(blocksBetween(this.#store, log, from, to), { from, to, bytes });
    } catch (error) {
      this.#tellDamage(error);
      throw await this.#withSnapshot(group, error);
    }
  }

  /** The frame of one entry that is on the disk, committed or not. */
  async frame(group: GroupId, index: number): Promise<Buffer | undefined> {
    const log = this.#known(group);
    if (!log.holds(index)) return undefined;
    const block = await blockAt(this.#store, log, index).catch((error: unknown) => {
      this.#tellDamage(error);
      throw error;
    });
    return block === undefined ? undefined : frameIn(block, index);
  }

  /** The bytes of a page as they were put; its reader checks them. */
  outcomePage(group: GroupId, page: number): Promise<Buffer | undefined> {
    return this.#store.get(numbered(this.#known(group).keys.page, page));
  }

  /** The same, page after page, for a reader that goes forward and closes it. */
  outcomePages(group: GroupId): RecordedPages {
    return new RecordedPages(this.#store, this.#known(group).keys.page);
  }

  /** Bytes on disk from this entry to the end, roughly; in a store of format 2 with their outcome pages. */
  bytesFrom(group: GroupId, index: number): Promise<number> {
    const { keys } = this.#known(group);
    return this.#store.approximateSize(numberedRange(keys.block, index, Number.MAX_SAFE_INTEGER));
  }

  /** The engine's word. Readers never go past it. */
  setCommitted(group: GroupId, index: number): void {
    const log = this.#logs.of(group);
    log.committed = Math.max(log.committed, index);
  }

  /** The snapshot files of a group. */
  snapshots(group: GroupId): SnapshotShelf {
    return new SnapshotShelf(snapshotDirectory(this.#directory), group, this.#files);
  }

  /** Writes what was handed over, marks the exit as clean, lets go of everything. Again: the same promise. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const written = this.#writer.close(new LogFault('closed', 'the log is closed'));
    await this.#watermarks.stop();
    await written;
    if (!this.#writer.poisoned) await markCleanExit(this.#store, this.#writer.chain.number);
    await this.#store.close();
  }

  #diskAdmits(traffic: Traffic): boolean {
    return traffic === 'control' || this.#watermarks.level !== 'reject';
  }

  /** One group among many takes no more than its share of the queue; `main` may take all of it. */
  #leavesRoom(group: GroupId, traffic: Traffic): boolean {
    if (group.incarnation === 0 || traffic === 'control') return true;
    const { tail, durable } = this.#known(group);
    return tail.index - durable.index < GROUP_ENTRIES_MAX;
  }

  /** A group nobody wrote to is an empty log, and is not remembered for having been asked about. */
  #known(group: GroupId): GroupLog {
    return this.#logs.find(group) ?? new GroupLog(group);
  }

  #tellDamage(error: unknown): void {
    if (isDamage(error)) this.#onDamage(error);
  }

  async #withSnapshot(group: GroupId, error: unknown): Promise<unknown> {
    if (!(error instanceof Compacted)) return error;
    const [newest] = await this.snapshots(group).list();
    return new Compacted(error.oldest, newest?.index);
  }
}

function lastWanted(log: GroupLog, { to, uncommitted }: ReadOptions): number {
  const end = uncommitted === true ? log.durable.index : log.readable;
  return to === undefined ? end : Math.min(to, end);
}
