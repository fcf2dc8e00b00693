/** Folders that are gone when their test is over, in memory where the machine has room for it. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

const MEMORY = '/dev/shm';

/** On the disk, as the directory of a node usually is. */
export function temporaryFolder(): Promise<string> {
  return folderIn(tmpdir());
}

/** For what is large and short-lived, and whose own durability nobody asks about. */
export function memoryFolder(): Promise<string> {
  return folderIn(existsSync(MEMORY) ? MEMORY : tmpdir());
}

async function folderIn(parent: string): Promise<string> {
  const folder = await mkdtemp(join(parent, 'quorate-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
