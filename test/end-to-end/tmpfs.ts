/** A small file system in memory: one that is soon full, or is mounted so that nobody can write to it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { memoryFolder } from './folder.ts';
import { tool } from './tool.ts';

export class Tmpfs {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Mounted; unmounted when the test is over. */
  static async create(mebibytes: number): Promise<Tmpfs> {
    const directory = join(await memoryFolder(), 'tmpfs');
    await mkdir(directory);
    await tool('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}M`, 'tmpfs', directory);
    onTestFinished(async () => {
      await tool('umount', directory);
    });
    return new Tmpfs(directory);
  }

  async grow(mebibytes: number): Promise<void> {
    await tool('mount', '-o', `remount,size=${mebibytes}M`, this.directory);
  }

  async makeReadOnly(): Promise<void> {
    await tool('mount', '-o', 'remount,ro', this.directory);
  }

  async makeWritable(): Promise<void> {
    await tool('mount', '-o', 'remount,rw', this.directory);
  }
}
