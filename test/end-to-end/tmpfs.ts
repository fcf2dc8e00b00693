/** A small file system for one test: one that is soon full, or is mounted so that nobody can write to it. */
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { SmallDisk } from '../faults/disk.ts';
import { memoryFolder } from './folder.ts';

/** Mounted; unmounted when the test is over. */
export async function smallDisk(mebibytes: number): Promise<SmallDisk> {
  const disk = await SmallDisk.create(join(await memoryFolder(), 'tmpfs'), mebibytes);
  onTestFinished(() => disk.remove());
  return disk;
}
