/**
 * Looks at LevelDB's files before LevelDB does. Opening rewrites them, and damage in them is passed over
 * in silence: one flipped byte, and the history is shorter and the vote an older one. So what is damaged
 * is found first, while nothing has been touched, and the log is not opened.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { namesIn } from './directory.ts';
import { faultOf, LogFault } from './fault.ts';
import { logNamedIn } from './leveldb-manifest.ts';
import { type RecordScan, scanRecords } from './leveldb-records.ts';

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
}

const CURRENT = /^(MANIFEST-\d+)\n$/;

/** Reads everything and judges nothing. A directory without a store has neither tears nor flaws. */
export async function scanStore(directory: string): Promise<StoreScan> {
  const names = await namesIn(directory);
  const logs = names.filter((name) => name.endsWith('.log')).sort();
  const { manifest, flaws } = await currentManifest(directory, names);
  const torn: TornTail[] = [];
  for (const file of [...manifest, ...logs]) {
    const bytes = await readFile(join(directory, file)).catch(asFault);
    const scan = scanRecords(bytes);
    if (scan.kind === 'torn') torn.push(tail(file, bytes, scan.offset));
    if (scan.kind === 'damaged') flaws.push(flaw(file, scan));
  }
  flaws.push(...(await missingLogs(directory, manifest, logs)));
  return { torn, flaws };
}

/** @throws LogFault `damaged`, naming file and byte, at the first flaw. */
export function assertUnflawed({ flaws }: StoreScan): void {
  const [first] = flaws;
  if (first === undefined) return;
  throw new LogFault(
    'damaged',
    `${first.file}, byte ${first.offset}: ${first.reason}; nothing was changed; ` +
      '`quorate log repair` writes what can be proved to a new directory',
  );
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

/** LevelDB opens without the file its newest records are in, and says nothing. */
async function missingLogs(
  directory: string,
  manifest: readonly string[],
  logs: readonly string[],
): Promise<readonly Flaw[]> {
  const flaws: Flaw[] = [];
  for (const file of manifest) {
    const named = logNamedIn(await readFile(join(directory, file)).catch(asFault));
    if (named === undefined || logs.includes(named)) continue;
    flaws.push({ file: named, offset: 0, reason: `it is missing, but ${file} counts on it` });
  }
  return flaws;
}

function tail(file: string, bytes: Buffer, offset: number): TornTail {
  return { file, offset, bytes: bytes.length - offset };
}

function flaw(file: string, { offset, reason }: Extract<RecordScan, { kind: 'damaged' }>): Flaw {
  return { file, offset, reason };
}
