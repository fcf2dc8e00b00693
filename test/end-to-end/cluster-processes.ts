/**
 * A cluster as its operator sees it: a process for each node, directories that outlive them, and whoever
 * answers. Whatever a test starts ends with the test.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { portsFrom } from '../../src/cli/cluster/ports.ts';
import { ask, fetched } from './ask.ts';
import { until } from './condition.ts';
import { digestOf, type Standing } from './digest.ts';
import { temporaryFolder } from './folder.ts';
import { type Exit, type NodeOptions, NodeProcess } from './node-process.ts';

/** Elections are for leaders that are gone here, not for processes that wait for their turn. */
const SETTINGS = { RAFT_ELECTION: '600ms', RAFT_HEARTBEAT: '60ms' };

/** What takes a second takes many on a machine that has other things to do. */
const PATIENCE_MS = 120_000;

/** The members of a cluster as one of them shows them. */
export interface Members {
  readonly leader: string | null;
  readonly role: string;
  readonly voters: readonly string[];
  readonly learners: readonly string[];
  /** The store of each voter, by id. */
  readonly stores: Readonly<Record<string, string>>;
}

interface Shown {
  readonly id: string;
  readonly store: string;
}

interface Addition {
  readonly data: { readonly work_id: string };
  readonly outcome: string;
}

export class ClusterProcesses {
  readonly #folder: string;
  readonly #raftPorts: ReadonlyMap<string, number>;
  readonly #peers: string;
  /** Of every node that this starts. */
  readonly #settings: Readonly<Record<string, string>>;
  readonly #nodes = new Map<string, NodeProcess>();
  #written = 0;

  private constructor(
    folder: string,
    raftPorts: ReadonlyMap<string, number>,
    settings: Readonly<Record<string, string>> = {},
  ) {
    this.#folder = folder;
    this.#settings = { ...SETTINGS, ...settings };
    this.#raftPorts = raftPorts;
    this.#peers = [...raftPorts].map(([id, port]) => `${id}@127.0.0.1:1:${port}`).join(',');
  }

  /** Nodes of these names found a cluster. */
  static async found(...ids: readonly string[]): Promise<ClusterProcesses> {
    return ClusterProcesses.foundIn(await temporaryFolder(), ...ids);
  }

  /** The same, with settings for all of them. */
  static async foundWith(
    settings: Readonly<Record<string, string>>,
    ...ids: readonly string[]
  ): Promise<ClusterProcesses> {
    return ClusterProcesses.#founded(await temporaryFolder(), ids, settings);
  }

  /** The same, with a directory for each in a folder of the test. */
  static async foundIn(folder: string, ...ids: readonly string[]): Promise<ClusterProcesses> {
    return ClusterProcesses.#founded(folder, ids, {});
  }

  static async #founded(
    folder: string,
    ids: readonly string[],
    settings: Readonly<Record<string, string>>,
  ): Promise<ClusterProcesses> {
    const ports = await portsFrom(0, ids.length);
    const raftPorts = new Map(ids.map((id, place) => [id, ports[place]!]));
    const cluster = new ClusterProcesses(folder, raftPorts, settings);
    await Promise.all(ids.map((id) => cluster.start(id)));
    await Promise.all(ids.map((id) => cluster.isReady(id)));
    return cluster;
  }

  /** No nodes yet: the test starts each with settings of its own. */
  static async none(): Promise<ClusterProcesses> {
    return new ClusterProcesses(await temporaryFolder(), new Map());
  }

  get ids(): readonly string[] {
    return [...this.#nodes].filter(([, { isRunning }]) => isRunning).map(([id]) => id);
  }

  node(id: string): NodeProcess {
    return this.#nodes.get(id)!;
  }

  directory(id: string): string {
    return join(this.#folder, id);
  }

  /** Where other nodes reach one of the founders. */
  address(id: string): string {
    return `127.0.0.1:${this.#raftPorts.get(id)}`;
  }

  /** Starts a node, for the first time or again; it knows the founders unless it is told of other ways. */
  async start(
    id: string,
    settings?: Readonly<Record<string, string>>,
    how: Pick<NodeOptions, 'under' | 'project'> = {},
  ): Promise<void> {
    const port = this.#raftPorts.get(id) ?? 0;
    const ways = settings ?? { PEERS: this.#peers };
    const node = NodeProcess.launch({
      directory: this.directory(id),
      nodeId: id,
      ...how,
      settings: { ...this.#settings, RAFT_PORT: String(port), ...ways },
    });
    this.#nodes.set(id, node);
    await node.listening();
  }

  async isReady(id: string): Promise<void> {
    const isReady = async (): Promise<boolean> => {
      const reply = await ask(`${this.node(id).url}/readyz`);
      return reply.status === 200;
    };
    await until(`${id} is ready`, isReady, PATIENCE_MS);
  }

  async kill(id: string): Promise<void> {
    await this.node(id).kill();
  }

  /** The disk of a node that is gone is gone, too. */
  async empty(id: string): Promise<void> {
    await rm(this.directory(id), { recursive: true });
  }

  async stop(): Promise<readonly Exit[]> {
    return Promise.all(this.ids.map((id) => this.node(id).stop()));
  }

  async members(seenBy: string): Promise<Members> {
    const raft = await fetched(`${this.node(seenBy).url}/raft/status`);
    const voters = raft['voters'] as readonly Shown[];
    const learners = raft['learners'] as readonly Shown[];
    return {
      leader: raft['leader_id'] as string | null,
      role: String(raft['role']),
      voters: voters.map(({ id }) => id).toSorted(),
      learners: learners.map(({ id }) => id).toSorted(),
      stores: Object.fromEntries(voters.map(({ id, store }) => [id, store])),
    };
  }

  /** Who leads, once everybody who runs agrees. */
  leader(): Promise<string> {
    return until(
      'everybody knows the same leader',
      async () => {
        const seen = await Promise.all(this.ids.map((id) => this.members(id)));
        const leaders = new Set(seen.map(({ leader }) => leader));
        const [leader] = leaders;
        return leaders.size === 1 && leader !== null && leader;
      },
      PATIENCE_MS,
    );
  }

  /** Adds an item of work at a node, again and again until it is there; its key makes that once. */
  async write(at: string): Promise<string> {
    this.#written += 1;
    const work_id = `w-${this.#written}`;
    await until(`${work_id} is written at ${at}`, () => this.#tried(at, work_id), PATIENCE_MS);
    return work_id;
  }

  async #tried(at: string, work_id: string): Promise<boolean> {
    const headers = { 'idempotency-key': work_id };
    const reply = await ask(`${this.node(at).url}/v1/work`, { body: { work_id }, headers });
    if (![200, 409, 503, 504].includes(reply.status)) throw new Error(reply.text);
    return reply.status === 200;
  }

  /** The status of a linearizable read, as soon as somebody leads: 200 where the item is there. */
  reads(at: string, work_id: string): Promise<number> {
    return until(`${work_id} is read at ${at}`, async () => {
      const { status } = await ask(`${this.node(at).url}/v1/work/${work_id}`);
      return ![503, 504].includes(status) && status;
    });
  }

  /** Asks a node for a change until it is made. @throws when it is refused for good */
  async change(at: string, path: string, body: object): Promise<void> {
    const method = path === '/v1/voters' ? 'PUT' : 'POST';
    await until(`${path} ${JSON.stringify(body)}`, async () => {
      const reply = await ask(`${this.node(at).url}${path}`, { method, body });
      if (![200, 409, 503, 504].includes(reply.status)) throw new Error(reply.text);
      return reply.status === 200;
    });
  }

  /** What everybody who runs holds, once it is the same. */
  agreed(): Promise<Standing> {
    return until(
      'all hold the same',
      async () => {
        const seen = await Promise.all(this.ids.map((id) => digestOf(this.node(id).url)));
        const [first, ...others] = seen;
        const same = others.every(
          ({ index, digest }) => index === first?.index && digest === first.digest,
        );
        return same && first;
      },
      PATIENCE_MS,
    );
  }

  /** How often each item was added, by the log of a node. */
  async additions(at: string): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    const log = await fetched(`${this.node(at).url}/v1/log?type=add_work&limit=1000`);
    // A retry that came through after all is an entry, too, and says so: it was not applied again.
    const items = log['items'] as readonly Addition[];
    for (const { data } of items.filter(({ outcome }) => outcome === 'applied'))
      counts.set(data.work_id, (counts.get(data.work_id) ?? 0) + 1);
    return counts;
  }
}
