/**
 * The side of a node that faces other nodes: the network between them, who takes part in `main`, and how
 * this node came to. Only a node that is one of a cluster has it.
 *
 * ```
 *  network ◀─▶ exchange ◀─▶ engine of main ─▶ group
 *     ▲                        │ who takes part
 *     └── whom to connect ◀────┴─▶ joining (founds, or asks to be let in)
 * ```
 */
import type { Logger } from 'pino';
import { startNetwork } from './cluster-network.ts';
import type { ClusterConfig } from './config/cluster.ts';
import type { Config } from './config.ts';
import type { GroupId } from './log/group.ts';
import type { Log } from './log/log.ts';
import { type Member, type Members, type MembersAt, NO_MEMBERS } from './log/members.ts';
import type { StartEngine } from './protocols/coordinator/group.ts';
import type { Door } from './protocols/coordinator/hosted-group.ts';
import { Loop, type LoopStatus } from './protocols/coordinator/loop.ts';
import type { ClockReport, ElectionReport, Engine, Removal } from './protocols/engine.ts';
import type { Bounds, Trace } from './protocols/raft/core/input.ts';
import type { Exchange } from './protocols/raft/exchange.ts';
import { startFounded } from './protocols/raft/founding.ts';
import { Joining } from './protocols/raft/joining.ts';
import { LeaderElection } from './protocols/raft/leader-election.ts';
import { PeerClocks } from './protocols/raft/peer-clocks.ts';
import { RaftEngine } from './protocols/raft/raft-engine.ts';
import { askToReturn } from './protocols/raft/returning.ts';
import { Standing } from './protocols/raft/standing.ts';
import { SteppingAside } from './protocols/raft/stepping-aside.ts';
import { endpoint } from './protocols/transport/address.ts';
import type { LinkStatus, Peer } from './protocols/transport/network.ts';
import type { TcpNetwork } from './protocols/transport/tcp-network.ts';
import type { Websocket } from './protocols/transport/websocket-stream.ts';
import { RESTING, timingOf } from './protocols/raft/timing.ts';
import { type VoterConfig, voterConfig } from './protocols/voter-list.ts';
import { breathe, realClock } from './real-clock.ts';

const MIB = 1024 * 1024;
const MAIN = { id: 'main', incarnation: 0 } as const;

/** How often it is looked whether there is something to ask the others. */
const LOOK_MS = 1_000;

const BOUNDS: Bounds = {
  in_flight_messages: 64,
  in_flight_bytes: 8 * MIB,
  eager_messages: 2,
  message_bytes: MIB,
  message_entries: 1_000,
  uncommitted_bytes: 64 * MIB,
  cache_bytes: MIB,
  reads: 10_000,
  promotion_lag: 256,
};

/** Of one group among many: so little may wait for a quorum that a busy one leaves room to the others. */
const GROUP_BOUNDS: Bounds = {
  ...BOUNDS,
  in_flight_bytes: 2 * MIB,
  uncommitted_bytes: 4 * MIB,
  cache_bytes: 64 * 1024,
};

/** Elections and members are news; what commits is in the log itself. */
const LEVELS: Readonly<Record<Trace['kind'], 'debug' | 'info'>> = {
  became: 'info',
  commit: 'debug',
  configuration: 'info',
  refused_vote: 'info',
};

export interface ClusterSideOptions {
  readonly config: Config;
  readonly cluster: ClusterConfig;
  readonly logger: Logger;
  readonly log: Log;
  readonly onFault: (fault: Error) => void;
}

export class ClusterSide {
  readonly #options: ClusterSideOptions;
  readonly #exchange: Exchange;
  readonly #network: TcpNetwork;
  /** By which entries are stamped. */
  readonly #clocks: PeerClocks;
  /** Whether this node still takes part in `main`. */
  readonly #standing: Standing;
  readonly #aside: SteppingAside;
  readonly #election: LeaderElection;
  /** Looks at what only others know of this node. */
  readonly #asking: Loop;
  #engine: RaftEngine | undefined;
  #joining: Joining | undefined;

  private constructor(options: ClusterSideOptions, exchange: Exchange, network: TcpNetwork) {
    this.#options = options;
    this.#exchange = exchange;
    this.#network = network;
    this.#clocks = new PeerClocks({
      clock: realClock,
      exchange,
      peers: () => this.#otherVoters(),
      onTurned: (report) =>
        options.logger.warn(report, report.is_off ? 'clock_off' : 'clock_right'),
    });
    this.#aside = new SteppingAside({
      engine: () => this.#engineOfMain,
      clocks: this.#clocks,
      clock: realClock,
      onHandOver: (to) => options.logger.warn({ to }, 'handing_over_for_wrong_clock'),
    });
    this.#standing = this.#standingIn(exchange);
    this.#election = new LeaderElection({
      nodeId: options.config.nodeId,
      exchange,
      standing: () => this.#engineOfMain.status(),
      own: () => this.#engineOfMain.report()['last_election'] as ElectionReport | null,
    });
    this.#asking = new Loop({
      name: 'standing',
      clock: realClock,
      interval: LOOK_MS,
      run: () => this.#look(),
    });
  }

  /** Listens for other nodes. @throws TlsFault, or where the port is taken or the address is not ours */
  static async start(options: ClusterSideOptions): Promise<ClusterSide> {
    const { config, cluster, log, logger } = options;
    const { exchange, network } = await startNetwork({
      nodeId: config.nodeId,
      storeId: log.identity.storeId,
      clusterId: () => log.identity.clusterId || undefined,
      cluster,
      listen: { host: cluster.host, port: cluster.port },
      logger,
    });
    return new ClusterSide(options, exchange, network);
  }

  /** Starts the engine of a group of this cluster. */
  readonly startEngine: StartEngine = async (start): Promise<Engine> => {
    const { config, cluster, log, logger, onFault } = this.#options;
    const engine = await RaftEngine.start({
      ...start,
      breathe,
      log,
      nodeId: config.nodeId,
      clock: this.#clocks,
      random: () => this.#clocks.draw(Math.random()),
      timing: timingOf(cluster),
      bounds: BOUNDS,
      exchange: this.#exchange,
      onTrace: (trace) => this.#note(trace),
      onError: (error) => logger.warn({ group: start.group.id, err: error }, 'raft'),
      onFault,
    });
    this.#engine = engine;
    this.#connect(engine.members());
    return engine;
  };

  /** Starts the engine of any other group, with the members that `main` says it begins with. */
  startGroupEngine(voters: readonly Member[]): StartEngine {
    const { config, cluster, log, logger, onFault } = this.#options;
    return (start) =>
      startFounded({
        ...start,
        breathe,
        log,
        nodeId: config.nodeId,
        clock: this.#clocks,
        random: () => this.#clocks.draw(Math.random()),
        timing: { ...timingOf(cluster), ...RESTING },
        bounds: GROUP_BOUNDS,
        exchange: this.#exchange,
        voters,
        membersOfMain: () => this.#engineOfMain.members(),
        onTrace: (trace) => logger.debug({ group: start.group.id, ...trace }, 'raft_of_group'),
        onError: (error) => logger.warn({ group: start.group.id, err: error }, 'raft'),
        onFault,
      });
  }

  /** Asks for this node's vote in a group whose log it lost. */
  async askToReturn(group: GroupId, others: readonly string[]): Promise<void> {
    const asked = { exchange: this.#exchange, self: this.#self(), group, others };
    const answer = await askToReturn(asked);
    const level = answer.verdict === 'learner' ? 'info' : 'debug';
    this.#options.logger[level]({ group: group.id, ...answer }, 'returning_to_group');
  }

  /** Where messages for groups come in. */
  get door(): Door {
    return this.#exchange;
  }

  /** Founds the cluster or joins it, where the store is empty; `main` is open. */
  takePart(): void {
    const { config, cluster, log, logger } = this.#options;
    const engine = this.#engineOfMain;
    const self = this.#self();
    this.#joining = new Joining({
      self,
      voters: this.#votersToBe(self),
      join: cluster.join,
      engine,
      exchange: this.#exchange,
      clock: realClock,
      clusterId: () => log.identity.clusterId,
      belong: (clusterId) => log.belongTo(config.clusterId ?? clusterId),
      isJoining: () => log.identity.isJoining === true,
      arrived: () => log.arrived(),
      onProgress: (what) => logger.info({ what }, 'joining'),
    });
    this.#joining.start();
    this.#clocks.start();
    this.#asking.start();
    this.#compareVoters();
  }

  /** Port of other nodes, for whoever asked for any. */
  get port(): number {
    return this.#network.port;
  }

  /** Takes in a node that came over the HTTP port; undefined: what it comes by would prove nothing. */
  get accept(): ((websocket: Websocket, remoteAddress: string) => void) | undefined {
    const { secret, tls } = this.#options.cluster;
    if (tls !== undefined && secret === undefined) return undefined;
    return (websocket, remoteAddress) => this.#network.accept(websocket, remoteAddress);
  }

  loops(): readonly LoopStatus[] {
    if (this.#joining === undefined) return [];
    return [this.#joining, this.#clocks, this.#asking].map((loop) => loop.status());
  }

  /** Undefined: this node takes part, or nobody has said otherwise. */
  get removal(): Removal | undefined {
    return this.#standing.removal;
  }

  get lastElection(): ElectionReport | null {
    return this.#election.last;
  }

  get clock(): ClockReport {
    return this.#clocks.report();
  }

  /** Undefined where the settings name no voters, or the log does not yet. */
  get voterConfig(): VoterConfig | undefined {
    return this.#heldAgainst(this.#committedMembers.at(-1)?.configuration ?? NO_MEMBERS);
  }

  links(): readonly LinkStatus[] {
    return this.#network.links();
  }

  async stop(): Promise<void> {
    await this.#joining?.stop();
    await this.#clocks.stop();
    await this.#asking.stop();
    await this.#network.stop();
  }

  get #engineOfMain(): RaftEngine {
    if (this.#engine === undefined) throw new Error('the engine of main has not started');
    return this.#engine;
  }

  get #committedMembers(): readonly MembersAt[] {
    const { commit_index } = this.#engineOfMain.status();
    const members = this.#options.log.hardState(MAIN)?.members ?? [];
    return members.filter(({ index }) => index <= commit_index);
  }

  #heldAgainst(members: Members): VoterConfig | undefined {
    const { voters, saysVoters } = this.#options.cluster;
    const ids = members.voters.map(({ id }) => id);
    return saysVoters && ids.length > 0 ? voterConfig(voters, ids) : undefined;
  }

  /** Once, at the start: the log rules, with the newest members in it; only a leader says whether they are committed. */
  #compareVoters(): void {
    const config = this.#heldAgainst(this.#engineOfMain.members());
    if (config?.matches === false)
      this.#options.logger.warn(config, 'voters_of_settings_differ_from_log');
  }

  async #look(): Promise<void> {
    for (const part of [this.#standing, this.#election, this.#aside]) await part.look();
  }

  #standingIn(exchange: Exchange): Standing {
    const { config, log, logger } = this.#options;
    return new Standing({
      self: { id: config.nodeId, store: log.identity.storeId },
      exchange,
      members: () => log.hardState(MAIN)?.members ?? [],
      commit: () => this.#engineOfMain.status().commit_index,
      silence: () => this.#engineOfMain.status().age_ms,
      isJoining: () => log.identity.isJoining === true,
      onRemoved: (removal) => logger.warn(removal, 'removed_from_members'),
    });
  }

  #otherVoters(): readonly string[] {
    const { voters = [] } = this.#engine?.members() ?? {};
    return voters.map(({ id }) => id).filter((id) => id !== this.#options.config.nodeId);
  }

  #self(): Member {
    const { config, cluster, log } = this.#options;
    const own = endpoint(cluster.advertiseHost, this.#network.port);
    const addresses = cluster.advertised.length > 0 ? cluster.advertised : [own];
    return { id: config.nodeId, store: log.identity.storeId, addresses };
  }

  #votersToBe(self: Member): readonly Named[] {
    const { peers, voters } = this.#options.cluster;
    return [self, ...peers].filter(({ id }) => voters.includes(id));
  }

  #note(trace: Trace): void {
    this.#options.logger[LEVELS[trace.kind]](trace, `raft_${trace.kind}`);
    if (trace.kind === 'configuration') this.#connect(trace.configuration);
  }

  /** To everybody who takes part, and to everybody we were told of. */
  #connect({ voters, outgoing, learners }: Members): void {
    const { config, cluster } = this.#options;
    const known = new Map<string, Set<string>>();
    // What a person says now comes before what was said when the member joined.
    for (const { id, addresses } of [...cluster.peers, ...voters, ...learners, ...outgoing])
      known.set(id, new Set([...(known.get(id) ?? []), ...addresses]));
    const peers = [...known].map(([nodeId, addresses]) => ({ nodeId, addresses: [...addresses] }));
    this.#network.connect(
      peers.filter(({ nodeId }) => nodeId !== config.nodeId).filter(isReachable),
    );
  }
}

function isReachable({ addresses }: Peer): boolean {
  return addresses.length > 0;
}

type Named = Omit<Member, 'store'>;
