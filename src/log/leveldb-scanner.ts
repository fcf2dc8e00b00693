/**
 * Looks at LevelDB's files before LevelDB does. Opening rewrites them, and damage in them is passed over
 * in silence: one flipped byte, and the history is shorter and the vote an older one, or a table gives out
 * other values, or the process ends by an assertion. So what is damaged is found first, while nothing has
 * been touched, and the log is not opened.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { namesIn } from './directory.ts';
import { damaged, faultOf } from './fault.ts';
import { CLEAN_EXIT_KEY } from './keys.ts';
import { contentsOf, logNamedIn } from './leveldb-manifest.ts';
import { payloadsIn, type RecordScan, scanRecords } from './leveldb-records.ts';
import { allTables, flawsIn, mendTable, type TableFile, tablesNamed } from './leveldb-tables.ts';
import { firstKeyPut } from './leveldb-write-batch.ts';

/** The end of a file that was being written when the process or the machine stopped. */
export interface TornTail {
  readonly file: string;
  /** Where the unfinished record begins. */
  readonly offset: number;
  /** From there to the end of the file. */
  readonly bytes: number;
}

export interface Flaw {
  readonly file: string;
  readonly offset: number;
  readonly reason: string;
}

export interface StoreScan {
  readonly torn: readonly TornTail[];
  readonly flaws: readonly Flaw[];
  /** Bytes of tables of which only the frame was looked at, not the data. */
  readonly unread: number;
}

const CURRENT = /^(MANIFEST-\d+)\n$/;

export interface ScanBounds {
  /**
   * Of the tables of a store that was closed in order, newest first, the data is looked at for as long as
   * their bytes together are not more; of the others, only what leads to it. A store that was not closed is
   * looked at as a whole: what ended it may have been LevelDB, stumbling over a table.
   */
  readonly dataBytesMax: number;
  /** Told before more data than that is read. */
  readonly onLong: (bytes: number) => void;
}

const EVERYTHING: ScanBounds = { dataBytesMax: Infinity, onLong: () => undefined };

/** Reads everything and judges nothing. A directory without a store has neither tears nor flaws. */
export async function scanStore(directory: string, bounds = EVERYTHING): Promise<StoreScan> {
  const names = await namesIn(directory);
  const current = await currentManifest(directory, names);
  const manifest = await readRecords(directory, current.manifest);
  const logs = await readRecords(directory, names.filter((name) => name.endsWith('.log')).sort());
  const files = [...manifest, ...logs];
  const flaws = [...current.flaws, ...files.flatMap(recordFlaws), ...missingLogs(manifest, names)];
  const tables = await tablesIn({ directory, names, manifest: wholeIn(manifest) });
  const bound = logs.slice(-1).some(endsInOrder) ? bounds.dataBytesMax : Infinity;
  announce(tables, bound, bounds);
  const seen = await scanTables(directory, tables, bound);
  return { torn: files.flatMap(tear), flaws: [...flaws, ...seen.flaws], unread: seen.unread };
}

/** In a clone, makes tables readable in which flaws were found; what is rotten in them is gone then. */
export async function mendTables(directory: string, { flaws }: StoreScan): Promise<void> {
  const names = await namesIn(directory);
  const { manifest } = await currentManifest(directory, names);
  const read = wholeIn(await readRecords(directory, manifest));
  const rotten = new Set(flaws.map(({ file }) => file));
  for (const table of await tablesIn({ directory, names, manifest: read }))
    if (rotten.has(table.file)) await mendTable(directory, table);
}

/** @throws LogFault `damaged`, naming file and byte, at the first flaw. */
export function assertUnflawed({ flaws }: StoreScan): void {
  const [first] = flaws;
  if (first === undefined) return;
  throw damaged(`${first.file}, byte ${first.offset}: ${first.reason}; nothing was changed`);
}

function asFault(error: unknown): never {
  throw faultOf(error);
}

interface Current {
  /** The manifest CURRENT names, if it is there. */
  readonly manifest: readonly string[];
  readonly flaws: Flaw[];
}

/** Without CURRENT, LevelDB begins a new, empty store beside the data; with a wrong one it may do so too. */
async function currentManifest(directory: string, names: readonly string[]): Promise<Current> {
  if (!names.includes('CURRENT')) return { manifest: [], flaws: missingCurrent(names) };
  const text = await readFile(join(directory, 'CURRENT'), 'latin1').catch(asFault);
  const manifest = names.filter((name) => name === CURRENT.exec(text)?.[1]);
  if (manifest.length > 0) return { manifest, flaws: [] };
  const reason = 'it does not name a manifest that is there';
  return { manifest, flaws: [{ file: 'CURRENT', offset: 0, reason }] };
}

/** A store that was just being created has no data yet: that is none. */
function missingCurrent(names: readonly string[]): Flaw[] {
  const data = names.filter((name) => /\.(log|ldb|sst)$/.test(name));
  if (data.length === 0) return [];
  return [
    { file: 'CURRENT', offset: 0, reason: `it is missing, but ${data.length} data files exist` },
  ];
}

/** A file of records, read. */
interface RecordFile {
  readonly file: string;
  readonly bytes: Buffer;
  readonly scan: RecordScan;
}

async function readRecords(
  directory: string,
  files: readonly string[],
): Promise<readonly RecordFile[]> {
  const read: RecordFile[] = [];
  for (const file of files) {
    const bytes = await readFile(join(directory, file)).catch(asFault);
    read.push({ file, bytes, scan: scanRecords(bytes) });
  }
  return read;
}

function tear({ file, bytes, scan }: RecordFile): readonly TornTail[] {
  if (scan.kind !== 'torn') return [];
  return [{ file, offset: scan.offset, bytes: bytes.length - scan.offset }];
}

function recordFlaws({ file, scan }: RecordFile): readonly Flaw[] {
  return scan.kind === 'damaged' ? [{ file, offset: scan.offset, reason: scan.reason }] : [];
}

/** LevelDB opens without the file its newest records are in, and says nothing. */
function missingLogs(manifests: readonly RecordFile[], names: readonly string[]): readonly Flaw[] {
  return manifests.flatMap(({ file, bytes }) => {
    const named = logNamedIn(bytes);
    if (named === undefined || names.includes(named)) return [];
    return [{ file: named, offset: 0, reason: `it is missing, but ${file} counts on it` }];
  });
}

/** The last thing that was written was the mark of a clean exit. */
function endsInOrder({ scan, bytes }: RecordFile): boolean {
  return scan.kind === 'whole' && firstKeyPut(lastOf(payloadsIn(bytes))).equals(CLEAN_EXIT_KEY);
}

function lastOf(payloads: readonly Buffer[]): Buffer {
  return payloads.at(-1) ?? Buffer.alloc(0);
}

/** The manifest that can be believed, if there is one. */
function wholeIn(manifests: readonly RecordFile[]): Buffer | undefined {
  return manifests.find(({ scan }) => scan.kind !== 'damaged')?.bytes;
}

interface Listing {
  readonly directory: string;
  readonly names: readonly string[];
  readonly manifest: Buffer | undefined;
}

/** The tables the manifest names; without one, all there are, for nobody can tell which count. */
function tablesIn({ directory, names, manifest }: Listing): Promise<readonly TableFile[]> {
  if (manifest === undefined) return allTables(directory, names);
  return Promise.resolve(tablesNamed(contentsOf(manifest).tables.values(), names));
}

function announce(tables: readonly TableFile[], bound: number, bounds: ScanBounds): void {
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0);
  if (Math.min(bytes, bound) > bounds.dataBytesMax) bounds.onLong(bytes);
}

interface TablesSeen {
  readonly flaws: readonly Flaw[];
  readonly unread: number;
}

async function scanTables(
  directory: string,
  tables: readonly TableFile[],
  dataBytesMax: number,
): Promise<TablesSeen> {
  const flaws: Flaw[] = [];
  let read = 0;
  let unread = 0;
  for (const table of tables) {
    const { file, bytes } = table;
    const isWithin = read + bytes <= dataBytesMax;
    const found = await flawsIn(directory, table, isWithin ? 'all' : 'frame');
    flaws.push(...found.map((flaw) => ({ file, ...flaw })));
    read += bytes;
    unread += isWithin ? 0 : bytes;
  }
  return { flaws, unread };
}
