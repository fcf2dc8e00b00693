/** A small file system of its own: one that can be filled and emptied, grown, or made read-only. */
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { tool } from '../end-to-end/tool.ts';

const BALLAST = 'ballast';

export class SmallDisk {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** In memory, mounted at a directory that must not exist yet. */
  static async create(directory: string, mebibytes: number): Promise<SmallDisk> {
    await mkdir(directory);
    await tool('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}M`, 'tmpfs', directory);
    return new SmallDisk(directory);
  }

  /** Nobody can write more than `leaving` bytes from now on. */
  async fill(leaving = 0): Promise<void> {
    await this.empty();
    const bytes = (await this.free()) - leaving;
    if (bytes > 0) await tool('fallocate', '-l', String(bytes), join(this.directory, BALLAST));
  }

  /** There is room again. */
  async empty(): Promise<void> {
    await rm(join(this.directory, BALLAST), { force: true });
  }

  /** Bytes. */
  async free(): Promise<number> {
    const { bavail, bsize } = await statfs(this.directory);
    return bavail * bsize;
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

  /** Nobody may have anything open on it any more. */
  async remove(): Promise<void> {
    await tool('umount', this.directory);
    await rm(this.directory, { recursive: true });
  }
}
