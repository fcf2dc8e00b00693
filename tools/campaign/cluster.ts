/**
 * A real cluster in a network whose ways can be cut, and, where it is wanted, with a small disk for each node.
 */
import { join } from 'node:path';
import { until } from '../../test/end-to-end/condition.ts';
import { SmallDisk } from '../../test/faults/disk.ts';
import type { Random } from '../random.ts';
import type { CampaignDirectory } from './directory.ts';
import { NamespaceNetwork } from './namespace-network.ts';
import type { Network, NetworkName } from './network.ts';
import { CampaignNode, outputFileOf } from './node.ts';
import { freePorts, ProxyNetwork } from './proxy-network.ts';

const DISK_MEBIBYTES = 512;
const SETTLED_MS_MAX = 180_000;

/** Elections are for leaders that are gone, not for processes that wait for their turn. */
const SETTINGS = {
  QUORATE_RAFT_ELECTION: '600ms',
  QUORATE_RAFT_HEARTBEAT: '60ms',
  QUORATE_RAFT_SNAPSHOT_INTERVAL: '10s',
};

export interface ClusterOptions {
  readonly nodes: number;
  readonly network: NetworkName;
  readonly random: Random;
  readonly place: CampaignDirectory;
  readonly program: string;
  readonly hasDisks: boolean;
  readonly onEnd: (line: string) => void;
}

/** How a node stands, as it says. */
export interface Standing {
  readonly id: string;
  readonly index: number;
  readonly digest: string;
  readonly role: string;
  readonly term: number;
  readonly leader: string | null;
  readonly voters: readonly string[];
  readonly learners: readonly string[];
  /** How much of the log it holds. */
  readonly history: { readonly state: string };
}

export class CampaignCluster {
  readonly network: Network;
  readonly nodes: readonly CampaignNode[];
  readonly #disks: ReadonlyMap<string, SmallDisk>;

  private constructor(
    network: Network,
    nodes: readonly CampaignNode[],
    disks: ReadonlyMap<string, SmallDisk>,
  ) {
    this.network = network;
    this.nodes = nodes;
    this.#disks = disks;
  }

  /** The one whose directory it is, or a new one. Resolves when all nodes answer. */
  static async start(options: ClusterOptions): Promise<CampaignCluster> {
    const {
      place: { path: directory },
      program,
      onEnd,
    } = options;
    const ids = Array.from({ length: options.nodes }, (_, at) => `node-${at + 1}`);
    const network = await opened(ids, options);
    // Whoever is interrupted leaves nothing behind.
    process.once('exit', () => network.abandon());
    const disks = options.hasDisks ? await disksOf(ids, directory) : new Map<string, SmallDisk>();
    const nodes = ids.map(
      (id) =>
        new CampaignNode({
          id,
          program,
          place: network.place(id),
          settings: SETTINGS,
          directory: join(disks.get(id)?.directory ?? join(directory, id), 'data'),
          outputFile: outputFileOf(directory, id),
          onEnd,
        }),
    );
    const cluster = new CampaignCluster(network, nodes, disks);
    // Nor a process.
    process.once('exit', () => cluster.#abandon());
    await Promise.all(nodes.map((node) => node.start()));
    return cluster;
  }

  get ids(): readonly string[] {
    return this.nodes.map(({ id }) => id);
  }

  node(id: string): CampaignNode {
    const node = this.nodes.find((one) => one.id === id);
    if (node === undefined) throw new Error(`there is no ${id}`);
    return node;
  }

  disk(id: string): SmallDisk {
    const disk = this.#disks.get(id);
    if (disk === undefined) throw new Error(`${id} has no disk of its own`);
    return disk;
  }

  /** How all stand who answer. */
  async standings(): Promise<readonly Standing[]> {
    const seen = await Promise.all(this.nodes.map((node) => standingOf(node)));
    return seen.filter((one) => one !== undefined);
  }

  /** Every node answers, votes, and holds the same at the same index, and the whole log. @throws with how they stand, if not in time */
  async agreed(): Promise<Standing> {
    let seen: readonly Standing[] = [];
    try {
      return await until(
        'all hold the same',
        async () => {
          seen = await this.standings();
          return seen.length === this.nodes.length && sameIn(seen);
        },
        SETTLED_MS_MAX,
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${JSON.stringify(seen, undefined, 1)}`);
    }
  }

  /** Ends what is left of it, in order where it goes. @returns what was not in order */
  async stop(): Promise<readonly string[]> {
    const running = this.nodes.filter(({ isRunning }) => isRunning);
    const ends = await Promise.all(
      running.map(async (node) => ({ node, exit: await node.stop() })),
    );
    await this.network.close();
    return ends
      .filter(({ exit }) => exit.code !== 0)
      .map(({ node, exit }) => `${node.id} did not stop in order: ${JSON.stringify(exit)}`);
  }

  #abandon(): void {
    for (const { pid } of this.nodes.filter(({ isRunning }) => isRunning))
      process.kill(pid, 'SIGKILL');
  }

  /** Nothing is left on them afterwards. */
  async removeDisks(): Promise<void> {
    for (const disk of this.#disks.values()) await disk.remove();
  }
}

/** @throws where another cluster was here */
async function opened(
  ids: readonly string[],
  { network, random, place }: ClusterOptions,
): Promise<Network> {
  const known = place.foundation;
  const wanted = { nodes: ids.length, network };
  if (known !== undefined && (known.nodes !== wanted.nodes || known.network !== network))
    throw new Error(
      `${place.path} is of ${JSON.stringify(known)}, not of ${JSON.stringify(wanted)}`,
    );
  if (network === 'namespaces') {
    const namespaces = await NamespaceNetwork.open(ids, known?.subnet);
    await place.found({ ...wanted, subnet: namespaces.subnet });
    return namespaces;
  }
  const ports = known?.ports ?? (await freePorts(random, 2 * ids.length));
  await place.found({ ...wanted, ports });
  return ProxyNetwork.open(ids, ports);
}

async function disksOf(
  ids: readonly string[],
  directory: string,
): Promise<ReadonlyMap<string, SmallDisk>> {
  const disks = new Map<string, SmallDisk>();
  for (const id of ids) disks.set(id, await SmallDisk.create(join(directory, id), DISK_MEBIBYTES));
  return disks;
}

async function standingOf(node: CampaignNode): Promise<Standing | undefined> {
  if (!node.isRunning) return undefined;
  const answer = await node.ask('/status');
  if (answer?.status !== 200) return undefined;
  const { position, digest, group } = answer.members as unknown as {
    readonly position: { readonly index: number };
    readonly digest: string;
    readonly group: {
      readonly role: string;
      readonly term: number;
      readonly leader_id?: string;
      readonly voters: readonly string[];
      readonly learners: readonly string[];
      readonly history: { readonly state: string };
    };
  };
  const { leader_id: leader = null, ...rest } = group;
  return { id: node.id, index: position.index, digest, leader, ...rest };
}

function sameIn(seen: readonly Standing[]): Standing | false {
  const [first] = seen;
  if (first === undefined) return false;
  const same = seen.every(
    ({ index, digest, leader, voters, history }) =>
      index === first.index &&
      digest === first.digest &&
      leader !== null &&
      leader === first.leader &&
      voters.length === seen.length &&
      history.state === 'whole',
  );
  return same && first;
}
