/** A data directory as evidence: what is in it, byte for byte, and copies of it to be damaged. */
import { createHash } from 'node:crypto';
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './folder.ts';

/** Every file below `directory` with the hash of its bytes. */
export async function contentOf(directory: string): Promise<Readonly<Record<string, string>>> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const hashed = files
    .toSorted()
    .map(async (file) => [file, hashOf(await readFile(file))] as const);
  return Object.fromEntries(await Promise.all(hashed));
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A copy in a folder of its own. */
export async function copyOf(directory: string): Promise<string> {
  const copy = join(await temporaryFolder(), 'data');
  await cp(directory, copy, { recursive: true });
  return copy;
}
