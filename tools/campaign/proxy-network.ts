/** A proxy on every way between two nodes of one machine. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Mesh } from '../../test/faults/mesh.ts';
import { between, type Random } from '../random.ts';
import type { Network, Place } from './network.ts';
import { REROUTE, waysOf } from './reroute.ts';

/** Below the ports the system hands out to diallers: nobody takes the port of a node that is away. */
const PORT_LEAST = 19_000;
const PORT_MOST = 30_000;

interface Peer {
  readonly id: string;
  readonly raftPort: number;
  readonly httpPort: number;
}

export class ProxyNetwork implements Network {
  readonly ways: Mesh;
  readonly faults = {};
  readonly #peers: readonly Peer[];

  private constructor(ways: Mesh, peers: readonly Peer[]) {
    this.ways = ways;
    this.#peers = peers;
  }

  /** `ports`: two of each node. */
  static async open(ids: readonly string[], ports: readonly number[]): Promise<ProxyNetwork> {
    const peers = ids.map((id, at) => ({
      id,
      raftPort: Number(ports[2 * at]),
      httpPort: Number(ports[2 * at + 1]),
    }));
    return new ProxyNetwork(await Mesh.open(peers), peers);
  }

  place(id: string): Place {
    const peer = this.#peers.find((one) => one.id === id);
    if (peer === undefined) throw new Error(`${id} has no place`);
    const list = this.#peers.map((one) => `${one.id}@127.0.0.1:1:${one.raftPort}`);
    return {
      httpUrl: `http://127.0.0.1:${peer.httpPort}`,
      under: [],
      execArguments: REROUTE,
      env: {
        ...waysOf(this.ways, id, this.#peers),
        QUORATE_P2P_PORT: String(peer.httpPort),
        QUORATE_RAFT_PORT: String(peer.raftPort),
        QUORATE_PEERS: list.join(','),
      },
    };
  }

  async close(): Promise<void> {
    await this.ways.close();
  }

  abandon(): void {
    // Its listeners end with the process.
  }
}

export async function freePorts(random: Random, count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = between(random, PORT_LEAST, PORT_MOST);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    await once(server.close(), 'close');
    return true;
  } catch {
    return false;
  }
}
