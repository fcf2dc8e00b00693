/**
 * A cluster of nodes on disks of their own, and the power of all of them at once: it fails in the middle of
 * everything, and the nodes are started again on what their disks hold.
 *
 * All processes stand still while the disks are copied; then they are killed, so that nothing of the time
 * after the cut can help them. Every answer a client has had left before, and is a promise.
 */
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterProcesses } from './cluster-processes.ts';
import { Ext4Image } from './ext4-image.ts';
import { temporaryFolder } from './folder.ts';
import { audited, type Breaches, Ledger } from './ledger.ts';
import { Load, resolveDoubts } from './load.ts';

/** Room for a LevelDB with its log, and quick to copy. */
const DISK_MEBIBYTES = 64;
/** A cut comes after any number of answers up to this, at each node. */
const ANSWERS_MAX = 300;

export class PoweredCluster {
  readonly #folder: string;
  readonly #disks: Map<string, Ext4Image>;
  readonly #cluster: ClusterProcesses;
  readonly #ledger = new Ledger();

  private constructor(folder: string, disks: Map<string, Ext4Image>, cluster: ClusterProcesses) {
    this.#folder = folder;
    this.#disks = disks;
    this.#cluster = cluster;
  }

  static async found(...ids: readonly string[]): Promise<PoweredCluster> {
    const folder = await temporaryFolder();
    const disks = new Map<string, Ext4Image>();
    for (const id of ids) {
      const disk = await Ext4Image.create(DISK_MEBIBYTES);
      await mkdir(join(disk.directory, 'data'));
      await plug(folder, id, disk);
      disks.set(id, disk);
    }
    const cluster = await ClusterProcesses.foundIn(folder, ...ids);
    // The cluster was founded long ago when the power fails.
    for (const disk of disks.values()) await disk.sync();
    return new PoweredCluster(folder, disks, cluster);
  }

  /** What clients were promised so far. */
  get promised(): number {
    return this.#ledger.acknowledged.length;
  }

  /** One round: load at every node, a cut at a moment nobody chose, and what the nodes break afterwards. */
  async cutUnderLoad(): Promise<Breaches> {
    const loads = await Promise.all(this.#ids.map((id) => this.#load(id)));
    const answers = 1 + Math.floor(Math.random() * ANSWERS_MAX);
    await Promise.race(loads.map((load) => load.reaches(answers)));
    await this.#cut();
    await Promise.all(loads.map((load) => load.stop()));
    await this.#restart();
    const first = this.#cluster.node(this.#ids[0]!);
    await resolveDoubts(first.url, this.#ledger);
    await this.#cluster.agreed();
    return audited(first.url, this.#ledger);
  }

  /** What the nodes said since the power is back. */
  get output(): string {
    return this.#ids.map((id) => this.#cluster.node(id).output).join('');
  }

  get #ids(): readonly string[] {
    return [...this.#disks.keys()];
  }

  #load(id: string): Promise<Load> {
    const { url } = this.#cluster.node(id);
    return Load.start(url, { ledger: this.#ledger, http: 1, pipelined: 4 });
  }

  async #cut(): Promise<void> {
    const nodes = this.#ids.map((id) => this.#cluster.node(id));
    await Promise.all(nodes.map((node) => node.freeze()));
    for (const [id, disk] of this.#disks) {
      this.#disks.set(id, await disk.powerCut());
      await this.#cluster.kill(id);
      await disk.remove();
    }
  }

  async #restart(): Promise<void> {
    for (const [id, disk] of this.#disks) {
      // The process that wrote it is gone, as it would be on a machine whose power failed.
      await rm(join(disk.directory, 'data', 'node.json'), { force: true });
      await plug(this.#folder, id, disk);
    }
    await Promise.all(this.#ids.map((id) => this.#cluster.start(id)));
    await Promise.all(this.#ids.map((id) => this.#cluster.isReady(id)));
  }
}

/** The data directory of a node lies on this disk from now on. */
async function plug(folder: string, id: string, disk: Ext4Image): Promise<void> {
  await rm(join(folder, id), { force: true });
  await symlink(join(disk.directory, 'data'), join(folder, id));
}
