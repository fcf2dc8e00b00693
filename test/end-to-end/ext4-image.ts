/**
 * A disk whose power can be cut: an ext4 file system in an image file, mounted through a loop device.
 *
 * What the inner file system was never told to sync is not in the image, so a copy of the image is what a
 * disk holds after a power cut. The copy must be of one moment: the device's counter of written sectors is
 * read before and after, and the copy is made again if it moved. `commit` keeps the journal from syncing by
 * itself every five seconds, which would make an engine that never syncs look durable.
 */
import { mkdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { until } from './condition.ts';
import { memoryFolder } from './folder.ts';
import { tool } from './tool.ts';

const OPTIONS = 'loop,commit=600,noatime';

export class Ext4Image {
  readonly directory: string;
  readonly #folder: string;
  readonly #file: string;
  #copies = 0;
  #mounted = false;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#file = join(folder, `${name}.image`);
    this.directory = join(folder, name);
  }

  /** A new, empty, mounted file system; unmounted and deleted when the test is over. */
  static async create(mebibytes: number): Promise<Ext4Image> {
    const image = new Ext4Image(await memoryFolder(), 'disk');
    await tool('truncate', '-s', `${mebibytes}M`, image.#file);
    // All tables are written now: a lazy writer in the background would blur the moment of a copy.
    const eager = 'lazy_itable_init=0,lazy_journal_init=0';
    await tool('mkfs.ext4', '-q', '-E', eager, image.#file);
    await image.#mount();
    return image;
  }

  /** What would be on the disk had the power failed now, mounted beside the original. */
  async powerCut(): Promise<Ext4Image> {
    this.#copies += 1;
    const copy = new Ext4Image(this.#folder, `cut-${this.#copies}`);
    // A copy of the copy is another one.
    copy.#copies = this.#copies;
    await until('a copy of one moment', async () => {
      const before = await this.#sectorsWritten();
      await tool('cp', '--sparse=always', this.#file, copy.#file);
      return before === (await this.#sectorsWritten());
    });
    await copy.#mount();
    return copy;
  }

  /** Everything that was written until now reaches the image, whoever wrote it. */
  async sync(): Promise<void> {
    await tool('sync', '-f', this.directory);
  }

  /** Gives up the file system; its image goes with it. */
  async remove(): Promise<void> {
    if (!this.#mounted) return;
    this.#mounted = false;
    await tool('umount', this.directory);
    await tool('rm', '-rf', this.directory, this.#file);
  }

  async #mount(): Promise<void> {
    await mkdir(this.directory);
    await tool('mount', '-o', OPTIONS, this.#file, this.directory);
    this.#mounted = true;
    onTestFinished(() => this.remove());
  }

  async #sectorsWritten(): Promise<string> {
    const { dev } = await stat(this.directory);
    const statistics = await readFile(`/sys/dev/block/${major(dev)}:${minor(dev)}/stat`, 'utf8');
    const written = statistics.trim().split(/\s+/)[6];
    if (written === undefined) throw new Error(`no statistics of ${basename(this.#file)}`);
    return written;
  }
}

/** As Linux packs them into one number (`sys/sysmacros.h`), for the small numbers of loop devices. */
function major(device: number): number {
  return (device >> 8) & 0xfff;
}

function minor(device: number): number {
  return (device & 0xff) | ((device >> 12) & 0xfff00);
}
