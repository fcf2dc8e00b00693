/** The power fails in the middle of everything, and comes back. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Ext4Image } from './ext4-image.ts';
import { audited, type Breaches, Ledger } from './ledger.ts';
import { Load } from './load.ts';
import { NodeProcess } from './node-process.ts';

/** Room for a LevelDB with its log, and quick to copy. */
const DISK_MEBIBYTES = 64;
/** A cut comes after any number of answers up to this. */
const ANSWERS_MAX = 400;

export class PoweredNode {
  readonly #disk: Ext4Image;
  readonly #node: NodeProcess;
  readonly #ledger = new Ledger();
  readonly #project: string | undefined;

  private constructor(disk: Ext4Image, node: NodeProcess, project: string | undefined) {
    this.#disk = disk;
    this.#node = node;
    this.#project = project;
  }

  /** A node on a disk of its own. `project`: the build to run, if not this one. */
  static async start(project?: string): Promise<PoweredNode> {
    const disk = await Ext4Image.create(DISK_MEBIBYTES);
    const node = await NodeProcess.start(onDisk(disk, project));
    // The node has started long ago when the power fails; only what it does from now on is in question.
    await disk.sync();
    return new PoweredNode(disk, node, project);
  }

  /** One round: load, a cut at a moment nobody chose, and what a node on the disk after the cut breaks. */
  async cutUnderLoad(): Promise<Breaches & { readonly promised: number }> {
    const load = await Load.start(this.#node.url, { ledger: this.#ledger, http: 4, pipelined: 16 });
    await load.reaches(1 + Math.floor(Math.random() * ANSWERS_MAX));
    await this.#node.freeze();
    const after = await this.#disk.powerCut();
    // Every answer that left before the node stood still has arrived by now.
    const promised = this.#ledger.upToNow();
    this.#node.thaw();
    await load.stop();
    return { ...(await this.#examined(after, promised)), promised: promised.acknowledged.length };
  }

  async remove(): Promise<void> {
    await this.#node.kill();
    await this.#disk.remove();
  }

  async #examined(disk: Ext4Image, promised: Ledger): Promise<Breaches> {
    // On a machine whose power failed nobody serves the directory any more; here the original still runs.
    await rm(join(disk.directory, 'data', 'node.json'), { force: true });
    const node = await NodeProcess.start(onDisk(disk, this.#project));
    const breaches = await audited(node.url, promised);
    await node.kill();
    await disk.remove();
    return breaches;
  }
}

function onDisk(
  { directory }: Ext4Image,
  project: string | undefined,
): Parameters<typeof NodeProcess.start>[0] {
  const data = { directory: join(directory, 'data') };
  return project === undefined ? data : { ...data, project };
}
