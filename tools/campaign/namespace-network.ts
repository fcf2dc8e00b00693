/**
 * A network namespace for each node, and a door for its clients, who are on the machine of their node:
 *
 * ```
 *   clients ──▶ 127.0.0.1, some port │ door ──▶ 127.0.0.1:8770 of the namespace
 *   other nodes ─── switch ─── cable │ ───────▶ 10.213.n.1:4321
 * ```
 *
 * The service listens for clients on loopback only, and each namespace has a loopback of its own; so a node
 * that is cut off from all others still hears its clients, as a machine would.
 */
import { randomBytes } from 'node:crypto';
import type { Begin } from '../../test/faults/nemesis.ts';
import { NamespaceWays } from '../../test/faults/namespace-ways.ts';
import { NetworkNamespaces } from '../../test/faults/namespaces.ts';
import { Door } from './door.ts';
import type { Network, Place } from './network.ts';

/** Nobody else is there: every node has the ports it would have on a machine of its own. */
const HTTP_PORT = 8770;
const RAFT_PORT = 4321;

export class NamespaceNetwork implements Network {
  readonly ways: NamespaceWays;
  readonly faults: Readonly<Record<string, Begin>>;
  readonly #namespaces: NetworkNamespaces;
  readonly #doors: ReadonlyMap<string, Door>;
  /** Beyond loopback nodes have to prove that they belong together. */
  readonly #secret = randomBytes(16).toString('hex');

  private constructor(
    ids: readonly string[],
    namespaces: NetworkNamespaces,
    doors: ReadonlyMap<string, Door>,
  ) {
    this.ways = new NamespaceWays(ids, namespaces);
    this.faults = cableFaults(namespaces);
    this.#namespaces = namespaces;
    this.#doors = doors;
  }

  /** `subnet`: the one by which nodes are known. @throws saying why, where the machine does not permit it */
  static async open(ids: readonly string[], subnet?: string): Promise<NamespaceNetwork> {
    const namespaces = await NetworkNamespaces.create(ids, subnet);
    try {
      const doors = new Map<string, Door>();
      for (const id of ids) doors.set(id, await Door.open(namespaces.under(id), HTTP_PORT));
      return new NamespaceNetwork(ids, namespaces, doors);
    } catch (error) {
      await namespaces.remove();
      throw error;
    }
  }

  get subnet(): string {
    return this.#namespaces.network;
  }

  place(id: string): Place {
    const door = this.#doors.get(id);
    if (door === undefined) throw new Error(`${id} has no place`);
    const list = this.ways.ids.map((one) => `${one}@${this.#address(one)}`);
    return {
      httpUrl: `http://127.0.0.1:${door.port}`,
      under: this.#namespaces.under(id),
      execArguments: [],
      env: {
        QUORATE_P2P_PORT: String(HTTP_PORT),
        QUORATE_RAFT_PORT: String(RAFT_PORT),
        QUORATE_RAFT_HOST: this.#namespaces.address(id),
        QUORATE_PEERS: list.join(','),
        QUORATE_CLUSTER_SECRET: this.#secret,
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#doors.values()].map((door) => door.close()));
    await this.#namespaces.remove();
  }

  abandon(): void {
    this.#namespaces.abandon();
  }

  /** Its HTTP port is nobody's: other nodes have no way to it. */
  #address(id: string): string {
    return `${this.#namespaces.address(id)}:1:${RAFT_PORT}`;
  }
}

function cableFaults(namespaces: NetworkNamespaces): Readonly<Record<string, Begin>> {
  return {
    unplug: async (id = '') => {
      await namespaces.unplug(id);
      return () => namespaces.plug(id);
    },
    down: async (id = '') => {
      await namespaces.down(id);
      return () => namespaces.up(id);
    },
  };
}
