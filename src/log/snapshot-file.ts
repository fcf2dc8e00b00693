/**
 * Snapshots of one group, as files: `snapshots/<group>/<index>.snapshot`. What is inside is opaque here.
 *
 * ```
 *  ├──────────────────────────┼──────────────┼────────────┼─────────┐
 *  │ content, N bytes         │ sha-256, 32  │ N, 8 bytes │ "QSN1"  │
 *  └──────────────────────────┴──────────────┴────────────┴─────────┘
 *
 *  sha-256 of: [group as in keys][8: index] ‖ content
 *
 *    <index>.writing ── finish: fsync, rename, fsync of the directory ──▶ <index>.snapshot
 *                    └─ hold ──▶ <index>.received ── publish ──────────────┘
 *                                        └─ dropHeld, where it was not wanted after all
 *    <index>.snapshot ── discard ┬ the disk damaged it ──▶ <index>.damaged, for whoever looks at the disk
 *                                └ it is of wrong tables ─▶ <index>.wrong, for whoever looks at the memory
 * ```
 *
 * What came from a peer is held until the log goes on behind it: a finished snapshot never lies beyond
 * the log it belongs to.
 *
 * A file under its final name is whole, unless the disk damaged it; what a crash left under the other
 * name is removed when the log is opened. Files never fill LevelDB or its compactions.
 */
import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import { join } from 'node:path';
import { isAbsence, unlessAbsent } from './directory.ts';
import { faultOf, LogFault } from './fault.ts';
import { type Files, fileSystem, type OpenFile } from './files.ts';
import { type GroupId, groupBytes } from './group.ts';
import { readUint64, writeUint64 } from './integer.ts';
import { numbered } from './keys.ts';

export interface SnapshotInfo {
  readonly index: number;
  readonly path: string;
  /** Bytes of the file. */
  readonly bytes: number;
}

export interface KeptSnapshots {
  /** The newest so many are kept whatever their size. */
  readonly newest: number;
  /** What the older ones may take together, evenly spread. */
  readonly historyBytes: number;
}

const FINISHED = '.snapshot';
const UNFINISHED = '.writing';
const HELD = '.received';
/** Why one is discarded, and how its name ends then. */
const DISCARDED = { damaged: '.damaged', wrong: '.wrong' } as const;
const MAGIC = Buffer.from('QSN1');
const SHA_BYTES = 32;
const TRAILER_BYTES = SHA_BYTES + 8 + MAGIC.length;
/** How much of a file is read at once. */
const SLICE_BYTES = 256 * 1024;

/** The directory of a group's snapshots: an id may hold slashes. */
export function shelfDirectory(snapshots: string, { id, incarnation }: GroupId): string {
  return join(snapshots, `${encodeURIComponent(id)}@${incarnation}`);
}

/** Removes what a crash left half written, of all groups. */
export async function removeUnfinished(snapshots: string, files: Files): Promise<void> {
  for (const shelf of await files.names(snapshots)) {
    const names = await files.names(join(snapshots, shelf));
    const unfinished = names.filter((name) => name.endsWith(UNFINISHED));
    for (const name of unfinished) await files.remove(join(snapshots, shelf, name));
  }
}

function boundHash(group: GroupId, index: number): Hash {
  return createHash('sha256').update(numbered(groupBytes(group), index));
}

export class SnapshotShelf {
  readonly #directory: string;
  readonly #group: GroupId;
  readonly #files: Files;

  /** @param snapshots the directory that holds the shelves of all groups */
  constructor(snapshots: string, group: GroupId, files = fileSystem) {
    this.#directory = shelfDirectory(snapshots, group);
    this.#group = group;
    this.#files = files;
  }

  /** Finished snapshots, newest first; not those that go while they are looked at. */
  async list(): Promise<readonly SnapshotInfo[]> {
    return this.#listed(await this.#files.names(this.#directory));
  }

  async #listed(names: readonly string[]): Promise<readonly SnapshotInfo[]> {
    const finished = names.filter((name) => name.endsWith(FINISHED));
    const found = await Promise.all(finished.map((name) => this.#info(name)));
    const listed = found.filter((info) => info !== undefined);
    return listed.sort((one, other) => other.index - one.index);
  }

  /** Begins a snapshot of everything up to `index`. A second one of the same index replaces the first. */
  async write(index: number): Promise<SnapshotWriter> {
    await this.#files.makeDirectory(this.#directory);
    return SnapshotWriter.create({
      files: this.#files,
      directory: this.#directory,
      index,
      hash: boundHash(this.#group, index),
    });
  }

  /** @throws LogFault `damaged` where the file is not whole, or cannot be read; its content is checked while it is read. */
  open(index: number): Promise<SnapshotReader> {
    return SnapshotReader.open(this.#files, this.#path(index, FINISHED), () =>
      boundHash(this.#group, index),
    );
  }

  /** Removes what is not to be kept. @returns the finished ones that were removed */
  async keep(kept: KeptSnapshots): Promise<readonly SnapshotInfo[]> {
    const listed = await this.list();
    await this.#dropHeldBefore(listed[0]?.index ?? 0);
    const removed = surplus(listed, kept);
    for (const { path } of removed) await this.#files.remove(path);
    return removed;
  }

  /**
   * Takes one from the list. It stays beside the others, until another goes for the same reason. Harmless when it
   * is gone already.
   * @returns its path
   */
  async discard(index: number, why: keyof typeof DISCARDED): Promise<string> {
    const ending = DISCARDED[why];
    const path = this.#path(index, ending);
    const isHere = await renamed(this.#files, this.#path(index, FINISHED), path);
    if (isHere) await this.#keepOnly(`${index}${ending}`, ending);
    return path;
  }

  async #keepOnly(kept: string, ending: string): Promise<void> {
    await this.#files.syncDirectory(this.#directory);
    const names = await this.#files.names(this.#directory);
    for (const name of names.filter((one) => one.endsWith(ending) && one !== kept))
      await this.#files.remove(join(this.#directory, name));
  }

  /** Gives a held snapshot its name, now that the log goes on behind it. Harmless when it has it already. */
  async publish(index: number): Promise<void> {
    const held = await this.#files.names(this.#directory);
    if (!held.includes(`${index}${HELD}`)) return;
    await this.#files.rename(this.#path(index, HELD), this.#path(index, FINISHED));
    await this.#files.syncDirectory(this.#directory);
  }

  /** Removes a held snapshot that nothing will be built on. */
  dropHeld(index: number): Promise<void> {
    return this.#files.remove(this.#path(index, HELD));
  }

  /**
   * After a start: a held snapshot that the log stands on is published, any other was never installed. The
   * directory is read once where nothing is held: a node may open a thousand groups that have no snapshot.
   * @returns the finished ones, newest first
   */
  async settleHeld(floor: number): Promise<readonly SnapshotInfo[]> {
    const names = await this.#files.names(this.#directory);
    if (!names.some((name) => name.endsWith(HELD))) return this.#listed(names);
    await this.publish(floor);
    await this.#dropHeldBefore(Number.POSITIVE_INFINITY);
    return this.list();
  }

  /** A second copy of one that is installed stays held until a newer one is finished: then nothing waits for it. */
  async #dropHeldBefore(index: number): Promise<void> {
    const names = await this.#files.names(this.#directory);
    const held = names.filter((name) => name.endsWith(HELD));
    for (const name of held.filter((one) => Number(one.slice(0, -HELD.length)) < index))
      await this.#files.remove(join(this.#directory, name));
  }

  /** Removes all of them: the group is gone. */
  remove(): Promise<void> {
    return this.#files.remove(this.#directory);
  }

  #path(index: number, ending: string): string {
    return join(this.#directory, `${index}${ending}`);
  }

  async #info(name: string): Promise<SnapshotInfo | undefined> {
    const path = join(this.#directory, name);
    const bytes = await this.#files.size(path).catch(unlessAbsent);
    const index = Number(name.slice(0, -FINISHED.length));
    return bytes === undefined ? undefined : { index, path, bytes };
  }
}

/** @returns false where there is none of that name */
async function renamed(files: Files, from: string, to: string): Promise<boolean> {
  try {
    await files.rename(from, to);
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

/** What does not fit beside the newest. */
function surplus(
  newestFirst: readonly SnapshotInfo[],
  { newest, historyBytes }: KeptSnapshots,
): readonly SnapshotInfo[] {
  const history = newestFirst.slice(newest);
  const removed: SnapshotInfo[] = [];
  while (totalBytes(history) > historyBytes)
    removed.push(...history.splice(leastMissed(history), 1));
  return removed;
}

function totalBytes(snapshots: readonly SnapshotInfo[]): number {
  return snapshots.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The one whose neighbours are closest together: without it the rest is spread most evenly. */
function leastMissed(newestFirst: readonly SnapshotInfo[]): number {
  const gaps = newestFirst.map((_, position) => gapWithout(newestFirst, position));
  return gaps.indexOf(Math.min(...gaps));
}

function gapWithout(newestFirst: readonly SnapshotInfo[], position: number): number {
  const newer = newestFirst[position - 1];
  const older = newestFirst[position + 1];
  // An end is missed only when nothing else is left: between it and nothing lies everything.
  if (newer === undefined || older === undefined) return Number.MAX_SAFE_INTEGER;
  return newer.index - older.index;
}

/** A file that is begun. */
interface Begun {
  readonly files: Files;
  readonly directory: string;
  readonly index: number;
  readonly hash: Hash;
}

export class SnapshotWriter {
  readonly #files: Files;
  readonly #directory: string;
  readonly #index: number;
  readonly #hash: Hash;
  readonly #file: OpenFile;
  #bytes = 0;

  private constructor({ files, directory, index, hash }: Begun, file: OpenFile) {
    this.#files = files;
    this.#directory = directory;
    this.#index = index;
    this.#hash = hash;
    this.#file = file;
  }

  static async create(begun: Begun): Promise<SnapshotWriter> {
    const { files, directory, index } = begun;
    const file = await files.create(join(directory, `${index}${UNFINISHED}`));
    return new SnapshotWriter(begun, file);
  }

  /** Appends content. Slices must be written one after another. */
  async write(slice: Uint8Array): Promise<void> {
    this.#hash.update(slice);
    this.#bytes += slice.length;
    await written(this.#file, slice);
  }

  /** Bytes of content so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Seals the file and gives it its name. It is on the disk when this resolves. */
  finish(): Promise<SnapshotInfo> {
    return this.#seal(FINISHED, this.#hash.digest());
  }

  /**
   * Seals the file under the name of a held one.
   * @returns false, and leaves nothing behind, where the content is not what `digest` says
   */
  async hold(digest: Buffer): Promise<boolean> {
    const own = this.#hash.digest();
    if (own.equals(digest)) await this.#seal(HELD, own);
    else await this.abandon();
    return own.equals(digest);
  }

  async #seal(ending: string, digest: Buffer): Promise<SnapshotInfo> {
    const path = join(this.#directory, `${this.#index}${ending}`);
    await written(this.#file, this.#trailer(digest));
    await this.#file.sync();
    await this.#file.close();
    await this.#files.rename(this.#unfinished, path);
    await this.#files.syncDirectory(this.#directory);
    return { index: this.#index, path, bytes: this.#bytes + TRAILER_BYTES };
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    await this.#file.close();
    await this.#files.remove(this.#unfinished);
  }

  get #unfinished(): string {
    return join(this.#directory, `${this.#index}${UNFINISHED}`);
  }

  #trailer(digest: Buffer): Buffer {
    const trailer = Buffer.alloc(TRAILER_BYTES);
    trailer.set(digest);
    writeUint64(trailer, this.#bytes, SHA_BYTES);
    trailer.set(MAGIC, SHA_BYTES + 8);
    return trailer;
  }
}

async function written(file: OpenFile, bytes: Uint8Array): Promise<void> {
  try {
    await file.append(bytes);
  } catch (error) {
    throw faultOf(error);
  }
}

export class SnapshotReader implements AsyncIterable<Buffer> {
  readonly #file: OpenFile;
  readonly #path: string;
  readonly #hash: () => Hash;
  readonly #trailer: Buffer;
  /** Bytes of content. */
  readonly bytes: number;

  private constructor(file: OpenFile, path: string, hash: () => Hash, trailer: Buffer) {
    this.#file = file;
    this.#path = path;
    this.#hash = hash;
    this.#trailer = trailer;
    this.bytes = readUint64(trailer, SHA_BYTES);
  }

  static async open(files: Files, path: string, hash: () => Hash): Promise<SnapshotReader> {
    const file = await files.open(path).catch(unreadable(path));
    try {
      return new SnapshotReader(file, path, hash, await trailerOf(file, path));
    } catch (error) {
      await file.close();
      return unreadable(path)(error);
    }
  }

  /** The sha-256 the content must have, bound to its group and index. */
  get digest(): Buffer {
    return this.#trailer.subarray(0, SHA_BYTES);
  }

  /**
   * A part of the content, unchecked: for sending it in chunks to a peer, who checks the whole.
   * @throws LogFault `damaged` where the disk cannot read it
   */
  readAt(offset: number, length: number): Promise<Buffer> {
    const end = Math.min(this.bytes, offset + length);
    assert(offset >= 0 && offset <= end, 'the offset lies within the content');
    return this.#file.read(offset, end - offset).catch(unreadable(this.#path));
  }

  /**
   * The content in slices; closes the file at the end. What was given may be used only once the iteration
   * has ended without a throw.
   * @throws LogFault `damaged`, after the last slice, where the content is not what was written
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    const hash = this.#hash();
    try {
      for (let offset = 0; offset < this.bytes; offset += SLICE_BYTES) {
        const slice = await this.readAt(offset, SLICE_BYTES);
        hash.update(slice);
        yield slice;
      }
    } finally {
      await this.close();
    }
    if (!hash.digest().equals(this.#trailer.subarray(0, SHA_BYTES))) throw damagedFile(this.#path);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** @throws LogFault `damaged` where the file does not end in a trailer that fits its size */
async function trailerOf(file: OpenFile, path: string): Promise<Buffer> {
  const content = (await file.size()) - TRAILER_BYTES;
  if (content < 0) throw damagedFile(path);
  const trailer = await file.read(content, TRAILER_BYTES);
  if (!fits(trailer, content)) throw damagedFile(path);
  return trailer;
}

function fits(trailer: Buffer, content: number): boolean {
  return (
    trailer.subarray(SHA_BYTES + 8).equals(MAGIC) && readUint64(trailer, SHA_BYTES) === content
  );
}

/** What a disk says of a sector that is gone, and a file system of a block whose sum is another. */
const UNREADABLE: ReadonlySet<unknown> = new Set(['EIO', 'EBADMSG', 'EUCLEAN', 'EREMOTEIO']);

/** What cannot be read is damaged; whatever else went wrong says nothing of the file. */
function unreadable(path: string): (error: unknown) => never {
  return (error) => {
    const isUnreadable = error instanceof Error && 'code' in error && UNREADABLE.has(error.code);
    throw isUnreadable ? damagedFile(path, { cause: error }) : error;
  };
}

function damagedFile(path: string, options?: ErrorOptions): LogFault {
  return new LogFault('damaged', `the snapshot ${path} is damaged`, options);
}
