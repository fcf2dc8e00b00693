/**
 * A machine's state as bytes, and back: the content of a snapshot file.
 *
 * ```
 *  [4 length][MessagePack manifest] ([4 length][MessagePack rows])… [4 length][MessagePack roots]
 *
 *  manifest  { version, group, incarnation, position, chain, configuration, tables: [{name, columns, rows}] }
 *  rows      [place of the table in the manifest, [row, …]], a row being its columns in declared order
 *  roots     { digest, roots: {projection: hex} }
 * ```
 *
 * Rows come in the order of their keys (UTF-16 code units), so equal states are equal bytes. The root of
 * a projection is the RFC 6962 Merkle root over its rows, each leaf being MessagePack [table, …columns],
 * tables in the order they are declared.
 *
 * The cut takes references to immutable rows at one index; sorting and encoding go on in slices while
 * the machine applies what comes next.
 */
import { packr } from '../log/command.ts';
import type { Members } from '../log/members.ts';
import { MerkleRoot } from '../log/merkle.ts';
import { assert } from './assert.ts';
import { type Kept, unpacked } from './kept-rows.ts';
import type { Machine, Position } from './machine.ts';
import type { ChainState } from './outcome-chain.ts';
import type { Projection } from './projection.ts';
import { type Keyed, sortInSlices } from './slice-sort.ts';
import type { Table, TableDefinition } from './table.ts';

export const SNAPSHOT_VERSION = 1;
/** Rows encoded between two rests: well under 2 ms on a slow core. */
const ROWS_PER_SLICE = 256;

export interface SnapshotIdentity {
  readonly group: string;
  readonly incarnation: number;
  readonly configuration: Members;
}

interface ManifestTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: number;
}

export interface SnapshotManifest extends SnapshotIdentity {
  readonly version: number;
  readonly position: Position;
  readonly chain: ChainState;
  readonly tables: readonly ManifestTable[];
}

export interface SnapshotRoots {
  readonly digest: string;
  readonly roots: Readonly<Record<string, string>>;
}

interface CutTable {
  readonly definition: TableDefinition<unknown>;
  readonly keys: readonly string[];
  readonly kept: readonly Kept<unknown>[];
}

/** The state at one index, as references. */
export interface SnapshotCut {
  readonly position: Position;
  readonly chain: ChainState;
  readonly digest: string;
  readonly projections: readonly Projection[];
  readonly tables: readonly CutTable[];
}

export function cutSnapshot(machine: Machine): SnapshotCut {
  const tables = machine
    .allTables()
    .map((table) => ({ definition: table.definition, ...table.all() }));
  const { position, projections } = machine;
  const [chain, digest] = [machine.chainState(), machine.digest()];
  return { position, chain, digest, projections, tables };
}

function framed(value: unknown): Buffer {
  return inFrame([packr.pack(value)]);
}

function inFrame(parts: readonly Uint8Array[]): Buffer {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(
    parts.reduce((sum, part) => sum + part.length, 0),
    0,
  );
  return Buffer.concat([length, ...parts]);
}

function rowValues(
  definition: TableDefinition<unknown>,
  { key, item }: Keyed<Kept<unknown>>,
): unknown[] {
  const columns = unpacked(definition.packing, key, item) as Readonly<Record<string, unknown>>;
  return definition.columns.map((column) => columns[column as string]);
}

/** Yields the bytes of a snapshot in small slices; the caller rests between them. Returns its roots. */
export function* encodeSnapshot(
  cut: SnapshotCut,
  identity: SnapshotIdentity,
): Generator<Buffer, SnapshotRoots> {
  const { position, chain } = cut;
  const tables = cut.tables.map(({ definition: { name, columns }, keys }) => ({
    name,
    columns,
    rows: keys.length,
  }));
  const manifest: SnapshotManifest = {
    version: SNAPSHOT_VERSION,
    ...identity,
    position,
    chain,
    tables,
  };
  yield framed(manifest);
  const roots = new Map(cut.projections.map(({ name }) => [name, new MerkleRoot()]));
  for (const [place, table] of cut.tables.entries())
    yield* encodeTable(place, table, roots.get(ownerOf(cut.projections, table)) as MerkleRoot);
  const sealed = {
    digest: cut.digest,
    roots: Object.fromEntries(
      [...roots].map(([name, root]) => [name, root.root().toString('hex')]),
    ),
  };
  yield framed(sealed);
  return sealed;
}

function ownerOf(projections: readonly Projection[], { definition }: CutTable): string {
  const owner = projections.find(({ tables }) => tables.includes(definition));
  assert(owner !== undefined, 'every table belongs to a projection');
  return owner.name;
}

const EMPTY = Buffer.alloc(0);

function* encodeTable(place: number, table: CutTable, root: MerkleRoot): Generator<Buffer, void> {
  const { definition, keys, kept } = table;
  const { name, columns } = definition;
  const rowHead = listHead(columns.length);
  const leafHead = Buffer.concat([listHead(columns.length + 1), packr.pack(name)]);
  const sorting = sortInSlices(keys, kept);
  let step = sorting.next();
  for (; step.done !== true; step = sorting.next()) yield EMPTY;
  for (const slice of slices(step.value)) {
    const rows = slice.map((keyed) => packr.pack(rowValues(definition, keyed)));
    // A leaf is the row with the table's name before its columns: the same bytes behind another head.
    for (const row of rows) root.add(leafHead, row.subarray(rowHead.length));
    yield inFrame([packr.pack([place, null]).subarray(0, -1), listHead(rows.length), ...rows]);
  }
}

/** What stands before the items of a MessagePack array of so many. */
function listHead(items: number): Buffer {
  const bytes = packr.pack(Array.from({ length: items }, () => null));
  return bytes.subarray(0, bytes.length - items);
}

function* slices(
  sorted: Iterator<Keyed<Kept<unknown>>, void>,
): Generator<Keyed<Kept<unknown>>[], void> {
  let slice: Keyed<Kept<unknown>>[] = [];
  for (let next = sorted.next(); next.done !== true; next = sorted.next()) {
    slice.push(next.value);
    if (slice.length < ROWS_PER_SLICE) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}

/** Splits bytes into framed messages, whatever the size of the pieces in which they come. */
class Messages {
  #held: Buffer = EMPTY;

  /** The messages that `piece` completes. */
  *after(piece: Uint8Array): Generator<unknown> {
    this.#held = Buffer.concat([this.#held, piece]);
    for (let end = this.#end(); end <= this.#held.length; end = this.#end()) {
      const message = this.#held.subarray(4, end);
      this.#held = this.#held.subarray(end);
      yield packr.unpack(message);
    }
  }

  /** Where the first message ends; infinity while its length is not there. */
  #end(): number {
    const { length } = this.#held;
    return length < 4 ? Number.POSITIVE_INFINITY : 4 + this.#held.readUInt32BE(0);
  }
}

/** Reads the manifest at the head of a snapshot's content. @param readAt gives a part of the content */
export async function readManifest(
  readAt: (offset: number, length: number) => Promise<Buffer>,
): Promise<SnapshotManifest> {
  const length = (await readAt(0, 4)).readUInt32BE(0);
  return usableManifest(packr.unpack(await readAt(4, length)));
}

/** Thrown where a snapshot cannot be used: of a newer version, or not what its name says. */
export class SnapshotUnusable extends Error {
  override readonly name = 'SnapshotUnusable';
}

/**
 * Puts the rows of a snapshot into an empty machine and takes over its position.
 * @throws SnapshotUnusable, or what the source throws; the machine must then be thrown away
 */
export async function restoreSnapshot(
  machine: Machine,
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly manifest: SnapshotManifest; readonly sealed: SnapshotRoots }> {
  const restoring = new Restoring(machine);
  for await (const piece of source) restoring.feed(piece);
  return restoring.finish();
}

type RowsMessage = readonly [place: number, rows: readonly (readonly unknown[])[]];

/** Takes the messages of a snapshot in order: manifest, rows, roots. */
class Restoring {
  readonly #machine: Machine;
  readonly #messages = new Messages();
  #manifest: SnapshotManifest | undefined;
  #sealed: SnapshotRoots | undefined;
  #failure: Error | undefined;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** After a failure the source is read on to its end: where it is damaged, that is what it will say. */
  feed(piece: Uint8Array): void {
    if (this.#failure !== undefined) return;
    try {
      for (const message of this.#messages.after(piece)) this.#take(message);
    } catch (error) {
      this.#failure = error as Error;
    }
  }

  finish(): { readonly manifest: SnapshotManifest; readonly sealed: SnapshotRoots } {
    if (this.#failure !== undefined) throw unusable(this.#failure);
    const [manifest, sealed] = [this.#manifest, this.#sealed];
    if (manifest === undefined || sealed === undefined)
      throw new SnapshotUnusable('the snapshot ends before its roots');
    this.#machine.resume(manifest.position, manifest.chain);
    return { manifest, sealed };
  }

  #take(message: unknown): void {
    if (this.#manifest === undefined) this.#manifest = usableManifest(message);
    else if (Array.isArray(message))
      this.#takeRows(this.#manifest, message as unknown as RowsMessage);
    else this.#sealed = this.#complete(this.#manifest, message as SnapshotRoots);
  }

  #takeRows(manifest: SnapshotManifest, [place, rows]: RowsMessage): void {
    const { name, columns } = manifest.tables[place] as ManifestTable;
    const table = this.#tableNamed(name);
    for (const values of rows) {
      const row = Object.fromEntries(columns.map((column, at) => [column, values[at]]));
      table.restore(table.definition.key(row), row);
    }
  }

  /** The roots come last: every row must have come before them. */
  #complete({ tables }: SnapshotManifest, sealed: SnapshotRoots): SnapshotRoots {
    const short = tables.find(({ name, rows }) => this.#tableNamed(name).size !== rows);
    if (short === undefined) return sealed;
    throw new SnapshotUnusable(`the snapshot does not hold all rows of the table ${short.name}`);
  }

  #tableNamed(name: string): Table<unknown> {
    const table = this.#machine.allTables().find(({ definition }) => definition.name === name);
    if (table === undefined)
      throw new SnapshotUnusable(`the snapshot holds a table this build does not know: ${name}`);
    return table;
  }
}

function usableManifest(message: unknown): SnapshotManifest {
  const manifest = message as SnapshotManifest;
  if (manifest.version <= SNAPSHOT_VERSION) return manifest;
  throw new SnapshotUnusable(
    `snapshot version ${manifest.version} is newer than this build reads; start a newer build`,
  );
}

function unusable(failure: Error): SnapshotUnusable {
  if (failure instanceof SnapshotUnusable) return failure;
  return new SnapshotUnusable('the snapshot is not what its name says', { cause: failure });
}
