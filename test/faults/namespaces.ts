/**
 * Network namespaces: nodes with addresses of their own on one switch, whose cables can be pulled. What a
 * proxy cannot do is real here: packets are lost, dialling gets no answer, and nobody is told.
 *
 * ```
 *   host ── bridge 10.213.n.254
 *             ├── veth ══ eth0 10.213.n.1   namespace of the first node
 *             ├── veth ══ eth0 10.213.n.2   of the second
 *             └── …
 * ```
 *
 * unplug: the host's end leaves the bridge; both ends still see a carrier. down: the carrier is gone.
 * drop(a, b): a believes that b has an address nobody has (a permanent neighbour entry), so what it sends to
 * b reaches nobody, and what b sends still arrives: a one-way loss without a packet filter.
 * refuse(a, b): a's routes say that b must not be reached, and dialling fails at once.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tool } from '../end-to-end/tool.ts';

const NODES_MAX = 250;
const HOST = 254;
/** Locally administered, and nobody's. */
const NOBODY = '02:00:00:00:00:fe';
const DEVICE = 'eth0';
/** Bytes a slowed cable may send at once, and milliseconds it may keep some waiting; beyond, they are lost. */
const BURST = '32kb';
const LATENCY = '400ms';

interface Place {
  readonly namespace: string;
  readonly address: string;
  /** The host's end of the cable. */
  readonly cable: string;
}

export class NetworkNamespaces {
  readonly #bridge: string;
  readonly #network: string;
  readonly #places: ReadonlyMap<string, Place>;

  private constructor(network: string, places: ReadonlyMap<string, Place>, bridge: string) {
    this.#network = network;
    this.#places = places;
    this.#bridge = bridge;
  }

  /**
   * `network`: the first three numbers of all addresses, for nodes that are known by them; unless said, free
   * ones. @throws saying why, where the machine does not permit it; then nothing is left behind
   */
  static async create(ids: readonly string[], network?: string): Promise<NetworkNamespaces> {
    if (ids.length > NODES_MAX) throw new Error(`at most ${NODES_MAX} nodes on one switch`);
    const name = `q${randomBytes(3).toString('hex')}`;
    return NetworkNamespaces.#of(ids, name, await freeNetwork(network));
  }

  static async #of(
    ids: readonly string[],
    name: string,
    network: string,
  ): Promise<NetworkNamespaces> {
    const places = ids.map((id, at): readonly [string, Place] => [
      id,
      {
        namespace: `${name}-${at + 1}`,
        address: `${network}.${at + 1}`,
        cable: `${name}-${at + 1}`,
      },
    ]);
    const all = new NetworkNamespaces(network, new Map(places), name);
    try {
      await all.#build();
      return all;
    } catch (error) {
      await all.remove();
      throw error;
    }
  }

  /** What is put before a command that is to run there; it becomes the command. */
  under(id: string): readonly string[] {
    return ['ip', 'netns', 'exec', this.#place(id).namespace];
  }

  address(id: string): string {
    return this.#place(id).address;
  }

  /** The first three numbers of all addresses. */
  get network(): string {
    return this.#network;
  }

  /** Where nodes find the host. */
  get hostAddress(): string {
    return `${this.#network}.${HOST}`;
  }

  /** From now on nothing gets through, either way, and nobody is told. */
  async unplug(id: string): Promise<void> {
    await tool('ip', 'link', 'set', this.#place(id).cable, 'nomaster');
  }

  async plug(id: string): Promise<void> {
    await tool('ip', 'link', 'set', this.#place(id).cable, 'master', this.#bridge);
  }

  /** The node sees that its cable is dead. */
  async down(id: string): Promise<void> {
    await tool('ip', 'link', 'set', this.#place(id).cable, 'down');
  }

  async up(id: string): Promise<void> {
    await tool('ip', 'link', 'set', this.#place(id).cable, 'up');
  }

  /** What `from` sends to `to` is lost; what `to` sends to `from` arrives. */
  async drop(from: string, to: string): Promise<void> {
    const entry = [this.address(to), 'lladdr', NOBODY, 'dev', DEVICE, 'nud', 'permanent'];
    await this.#in(from, 'ip', 'neigh', 'replace', ...entry);
  }

  async restore(from: string, to: string): Promise<void> {
    await this.#in(from, 'ip', 'neigh', 'flush', 'to', this.address(to), 'nud', 'permanent');
  }

  /** What `from` would send to `to` it is told not to, at once. */
  async refuse(from: string, to: string): Promise<void> {
    await this.#in(from, 'ip', 'route', 'replace', 'prohibit', this.address(to));
  }

  async accept(from: string, to: string): Promise<void> {
    await this.#in(from, 'ip', 'route', 'flush', 'type', 'prohibit', 'exact', this.address(to));
  }

  /** Both ways between everybody of different groups; the host still reaches all. */
  async partition(groups: readonly (readonly string[])[]): Promise<void> {
    for (const from of this.#places.keys())
      for (const to of this.#places.keys())
        if (from !== to && !groups.some((group) => group.includes(from) && group.includes(to)))
          await this.drop(from, to);
  }

  /** What the node sends goes at most this fast. */
  async slow(id: string, kilobits: number): Promise<void> {
    const rate = ['rate', `${kilobits}kbit`, 'burst', BURST, 'latency', LATENCY];
    await this.#in(id, 'tc', 'qdisc', 'replace', 'dev', DEVICE, 'root', 'tbf', ...rate);
  }

  /** As fast as it can again. */
  async widen(id: string): Promise<void> {
    // There may be nothing to take away.
    await this.#in(id, 'tc', 'qdisc', 'del', 'dev', DEVICE, 'root').catch(() => undefined);
  }

  /** As it was in the beginning. */
  async heal(): Promise<void> {
    for (const [id, { cable }] of this.#places) {
      await tool('ip', 'link', 'set', cable, 'up', 'master', this.#bridge);
      await this.#in(id, 'ip', 'neigh', 'flush', 'dev', DEVICE, 'nud', 'permanent');
      await this.#in(id, 'ip', 'route', 'flush', 'type', 'prohibit');
      await this.widen(id);
    }
  }

  /**
   * Namespaces go when the last process in them is gone, and what it had still to say is given up, which takes
   * minutes; cables and switch go at once.
   */
  async remove(): Promise<void> {
    for (const words of this.#removal) await tool('ip', ...words).catch(() => undefined);
  }

  /** The same in a process that is about to exit and can wait for nothing. */
  abandon(): void {
    for (const words of this.#removal)
      try {
        execFileSync('ip', words, { stdio: 'ignore' });
      } catch {
        // It is gone already.
      }
  }

  get #removal(): readonly (readonly string[])[] {
    const places = [...this.#places.values()];
    return [
      ...places.map(({ namespace }) => ['netns', 'del', namespace]),
      ...places.map(({ cable }) => ['link', 'del', cable]),
      ['link', 'del', this.#bridge],
    ];
  }

  async #build(): Promise<void> {
    await tool('ip', 'link', 'add', this.#bridge, 'type', 'bridge');
    await tool('ip', 'addr', 'add', `${this.hostAddress}/24`, 'dev', this.#bridge);
    await tool('ip', 'link', 'set', this.#bridge, 'up');
    for (const [id, place] of this.#places) await this.#connect(id, place);
  }

  async #connect(id: string, { namespace, address, cable }: Place): Promise<void> {
    await tool('ip', 'netns', 'add', namespace);
    const inner = ['peer', 'name', DEVICE, 'netns', namespace];
    await tool('ip', 'link', 'add', cable, 'type', 'veth', ...inner);
    await tool('ip', 'link', 'set', cable, 'up', 'master', this.#bridge);
    await this.#in(id, 'ip', 'addr', 'add', `${address}/24`, 'dev', DEVICE);
    await this.#in(id, 'ip', 'link', 'set', DEVICE, 'up');
    await this.#in(id, 'ip', 'link', 'set', 'lo', 'up');
  }

  async #in(id: string, ...words: readonly string[]): Promise<void> {
    const [program = '', ...rest] = [...this.under(id), ...words];
    await tool(program, ...rest);
  }

  #place(id: string): Place {
    const place = this.#places.get(id);
    if (place === undefined) throw new Error(`${id} is not on this switch`);
    return place;
  }
}

/** Its first three numbers. @throws where the one that is wanted is taken */
async function freeNetwork(wanted: string | undefined): Promise<string> {
  const taken = await tool('ip', '-4', '-o', 'addr');
  if (wanted !== undefined) {
    if (taken.includes(`${wanted}.`)) throw new Error(`the network ${wanted} is taken`);
    return wanted;
  }
  for (let tries = 0; tries < 100; tries += 1) {
    const network = `10.213.${randomBytes(1)[0]}`;
    if (!taken.includes(`${network}.`)) return network;
  }
  throw new Error('every network of 10.213 is taken');
}
