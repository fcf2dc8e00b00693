/** Directories: their names, and making a change of names durable. */
import { open, readdir } from 'node:fs/promises';
import { faultOf } from './fault.ts';

/** The names in a directory; none where it does not exist. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw faultOf(error);
  }
}

const ABSENT: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR']);

/** Whether a file operation failed only because there is no such file. */
export function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ABSENT.has(error.code);
}

/** For what may be gone: then there is nothing; whatever else went wrong is thrown. */
export function unlessAbsent(error: unknown): undefined {
  if (!isAbsence(error)) throw error;
}

/** A file that was created or renamed is durable only when its directory is. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
