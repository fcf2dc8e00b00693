/**
 * The table files of a store: which there are, whether they are what was written, and, in a clone, making
 * them readable.
 */
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsence } from './directory.ts';
import { faultOf } from './fault.ts';
import { fileNumber, type LiveTable } from './leveldb-manifest.ts';
import { mended, readerOf } from './leveldb-mending.ts';
import { dataFlaws, readFrame, type TableFlaw, type TableFrame } from './leveldb-table.ts';

/** A table and the file it lies in. */
export interface TableFile {
  readonly file: string;
  /** As the manifest knows it. */
  readonly bytes: number;
}

const TABLE = /\.(ldb|sst)$/;

/** The files of the tables a manifest names, newest first. A file that is not there has the name it should have. */
export function tablesNamed(
  tables: Iterable<LiveTable>,
  names: readonly string[],
): readonly TableFile[] {
  return [...tables]
    .toSorted((one, other) => other.number - one.number)
    .map(({ number, bytes }) => ({ file: nameOf(fileNumber(number), names), bytes }));
}

/** Every table file there is, with the length it has. */
export async function allTables(
  directory: string,
  names: readonly string[],
): Promise<readonly TableFile[]> {
  const files = names.filter((name) => TABLE.test(name)).sort();
  return Promise.all(
    files.map(async (file) => ({ file, bytes: (await stat(join(directory, file))).size })),
  );
}

/** Stores of LevelDB before 1.14 have tables that end in `.sst`, and LevelDB still reads them. */
function nameOf(number: string, names: readonly string[]): string {
  return names.find((name) => name === `${number}.sst`) ?? `${number}.ldb`;
}

export type Depth = 'frame' | 'all';

/** What is wrong with a table: in what leads to its data, or in all of it. */
export async function flawsIn(
  directory: string,
  table: TableFile,
  depth: Depth,
): Promise<readonly TableFlaw[]> {
  try {
    return await DEPTHS[depth](join(directory, table.file), table.bytes);
  } catch (error) {
    if (!isAbsence(error)) throw faultOf(error);
    return [{ offset: 0, reason: 'it is missing, but the manifest counts on it' }];
  }
}

const DEPTHS: Readonly<
  Record<Depth, (path: string, size: number) => Promise<readonly TableFlaw[]>>
> = {
  frame: async (path, size) => (await frameIn(path, size)).flaws,
  all: async (path, size) => {
    const bytes = (await readFile(path)).subarray(0, size);
    const { flaws, blocks } = await readFrame({ size, read: readerOf(bytes) });
    return [...flaws, ...(blocks ?? []).flatMap((block) => dataFlaws(bytes, block))];
  },
};

async function frameIn(path: string, size: number): Promise<TableFrame> {
  const handle = await open(path, 'r');
  try {
    return await readFrame({
      size,
      async read(offset, length) {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
        return buffer.subarray(0, bytesRead);
      },
    });
  } finally {
    await handle.close();
  }
}

/** Puts a table in place of a rotten or missing one that leads only to what is whole. The old file is not written to. */
export async function mendTable(
  directory: string,
  { file, bytes: size }: TableFile,
): Promise<void> {
  const path = join(directory, file);
  const bytes = await readFile(path).catch((error: unknown) => {
    if (isAbsence(error)) return Buffer.alloc(0);
    throw faultOf(error);
  });
  const beside = `${path}.mended`;
  await writeFile(beside, await mended(bytes.subarray(0, size), size));
  await rename(beside, path);
}
