/**
 * A node, built from its parts: the only place where the real clock, disk and sockets meet the rules.
 *
 * ```
 *  config ─▶ log ─▶ [other nodes] ─▶ group main (snapshot, log above it, engine) ─▶ server listens ─▶ serving
 *                                                                                                       │ stop, or a fault
 *   ended { clean | fault } ◀── log closed ◀── [other nodes] ◀── group stopped ◀── all requests answered ◀┘
 * ```
 *
 * A fault of the log or of the rules ends the node: it stops serving, and nothing is acknowledged any
 * more.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { buildServer } from './api/rest/server.ts';
import { Unanswered } from './api/rest/unanswered.ts';
import type { ServedNode } from './api/served-node.ts';
import { ClusterSide } from './cluster-side.ts';
import type { Config } from './config.ts';
import { Feed } from './feed.ts';
import { leaveWord } from './last-word.ts';
import { NODE_FILE } from './log/clone.ts';
import { faultOf, LogFault } from './log/fault.ts';
import { Log } from './log/log.ts';
import { NO_MEMBERS } from './log/members.ts';
import { allSetAside } from './log/set-aside.ts';
import type { BatchReport } from './log/usage.ts';
import { GROUP_PROJECTIONS, MAIN_PROJECTIONS } from './projections/registry.ts';
import { queueRow } from './projections/work-queue/queues.ts';
import { Group, type GroupOptions, type StartEngine } from './protocols/coordinator/group.ts';
import { Groups, HOSTING_TIMES } from './protocols/coordinator/groups.ts';
import { NO_DOOR } from './protocols/coordinator/hosted-group.ts';
import { SoloEngine } from './protocols/solo/solo-engine.ts';
import { breathe, realClock } from './real-clock.ts';
import { VERSION } from './version.ts';

/** How a node's life ended. */
export type NodeEnd =
  { readonly kind: 'clean' } | { readonly kind: 'fault'; readonly fault: Error };

/** The queue that work goes to when nobody says which; the one the settings speak of. */
const DEFAULT_QUEUE = 'default';
const MAIN = { id: 'main', incarnation: 0 } as const;

interface Parts {
  readonly config: Config;
  readonly logger: Logger;
  readonly log: Log;
  readonly main: Group;
  readonly groups: Groups;
  readonly batches: Feed<BatchReport>;
  /** Undefined: no other node reaches this one. */
  readonly cluster: ClusterSide | undefined;
}

export class Node {
  readonly nodeId: string;
  readonly main: Group;
  /** Resolves once, when nothing of the node is left. */
  readonly ended: Promise<NodeEnd>;
  readonly #parts: Parts;
  readonly #server: FastifyInstance;
  readonly #unanswered: Unanswered;
  #url = '';
  #stopping: Promise<void> | undefined;
  #fault: Error | undefined;
  #end: (end: NodeEnd) => void = () => undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.nodeId = parts.config.nodeId;
    this.main = parts.main;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#server = buildServer(this.#served(), { logger: httpLogger(parts.logger) });
    this.#unanswered = new Unanswered(this.#server);
  }

  /**
   * Starts a node: resolves when it serves.
   * @throws LogFault and others with one clear line; nothing is left open then
   */
  static async start(config: Config, logger: Logger): Promise<Node> {
    const faults = new Feed<Error>();
    const batches = new Feed<BatchReport>();
    const early: Error[] = [];
    const unlisten = faults.listen((fault) => early.push(fault));
    await madeDirectory(config.dataDir);
    const log = await openLog({ config, logger, faults, batches });
    const cluster = await openCluster({ config, logger, log, faults }).catch(closing(log));
    try {
      const main = await openMain({ config, logger, log, faults, cluster });
      const groups = hostGroups({ config, logger, log, faults, cluster }, main);
      const node = new Node({ config, logger, log, main, groups, batches, cluster });
      unlisten();
      faults.listen((fault) => node.#fail(fault));
      await node.#assertWell(early);
      await node.#serve();
      return node;
    } catch (fault) {
      await cluster?.stop();
      await log.close();
      throw fault;
    }
  }

  /** @throws what went wrong before there was a node that could end of it */
  async #assertWell([fault]: readonly Error[]): Promise<void> {
    if (fault === undefined) return;
    await this.stop();
    throw fault;
  }

  /** Alone it leads at once; with others it first has to take part. */
  async #serve(): Promise<void> {
    const { cluster, main, groups, config } = this.#parts;
    if (cluster === undefined) await putQueueLimits(main, config);
    await this.#listen();
    cluster?.takePart();
    groups.start();
  }

  /** Where it listens, like http://127.0.0.1:8770. */
  get url(): string {
    return this.#url;
  }

  get log(): Log {
    return this.#parts.log;
  }

  /** Refuses what is new, finishes what is under way, lets go of everything. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #listen(): Promise<void> {
    const { host, port, dataDir } = this.#parts.config;
    this.#url = await this.#server.listen({ host, port }).catch(async (fault: unknown) => {
      // The group already has its loops and duties: a node that cannot listen leaves none behind.
      await this.stop();
      throw fault;
    });
    const who = { pid: process.pid, url: this.#url };
    await writeFile(join(dataDir, NODE_FILE), `${JSON.stringify(who)}\n`);
  }

  async #stop(): Promise<void> {
    const { log, main, groups, config, logger, cluster } = this.#parts;
    const server = this.#server;
    const cut = setTimeout(() => server.server.closeAllConnections(), config.stopTimeoutMs);
    const closed = server.close().catch((error: unknown) => logger.warn({ error }, 'close_failed'));
    await Promise.race([closed, this.#unanswered.over]);
    await groups.stop();
    await main.stop();
    // Only now may connections end by which other nodes came in over the server.
    await cluster?.stop();
    await closed;
    clearTimeout(cut);
    await log.close();
    await rm(join(config.dataDir, NODE_FILE), { force: true });
    const fault = this.#fault;
    this.#end(fault === undefined ? { kind: 'clean' } : { kind: 'fault', fault });
  }

  #fail(fault: Error): void {
    this.#fault ??= fault;
    this.#parts.logger.fatal({ err: fault }, 'node_fault');
    // Whoever waits for a reply is cut off rather than told something that may not be so.
    this.#server.server.closeAllConnections();
    void leaveWord(fault, this.#parts.config)
      .then(() => this.stop())
      .catch((error: unknown) => this.#end({ kind: 'fault', fault: error as Error }));
  }

  #served(): ServedNode {
    const { log, main, groups, batches, cluster } = this.#parts;
    const isStopping = (): boolean => this.#stopping !== undefined;
    return {
      nodeId: this.nodeId,
      version: VERSION,
      startedAt: realClock.monotonic() - process.uptime() * 1000,
      clock: realClock,
      log,
      main,
      groups: () => [main, ...groups.awake()],
      group: (id) => (id === main.id.id ? main : groups.inMemory(id)),
      wake: (id) => (id === main.id.id ? Promise.resolve(main) : groups.group(id)),
      hosting: groups,
      loops: [
        { name: 'main', loops: () => main.loops() },
        { name: 'groups', loops: () => groups.loops() },
        { name: 'cluster', loops: () => cluster?.loops() ?? [] },
      ],
      peering: cluster,
      sections: { set_aside: () => allSetAside(this.#parts.config.dataDir) },
      get isStopping(): boolean {
        return isStopping();
      },
      onBatch: (listener) => batches.listen(listener),
    };
  }
}

/** What a request did is in its answer; only its failures are worth a line, unless somebody is looking. */
function httpLogger(logger: Logger): Logger {
  const level = logger.level === 'info' ? 'warn' : logger.level;
  return logger.child({ part: 'http' }, { level });
}

async function madeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw faultOf(error);
  });
}

interface LogParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly faults: Feed<Error>;
  readonly batches: Feed<BatchReport>;
}

function openLog({ config, logger, faults, batches }: LogParts): Promise<Log> {
  const { dataDir: directory, nodeId, clusterId, window } = config;
  const disk = { throttle: config.disk.throttle, refuse: config.disk.reject };
  return Log.open({
    directory,
    nodeId,
    clusterId,
    isNewCluster: config.cluster === undefined,
    drawId: randomUUID,
    clock: realClock,
    window,
    disk,
    onPoison: (fault) => faults.tell(fault),
    onDamage: (fault) => {
      if (config.cluster?.repairsFromPeers === true) faults.tell(fault);
    },
    onBatch: (report) => batches.tell(report),
    onLongScan: (bytes) => logger.info({ bytes }, 'checking_tables'),
  });
}

/** Limits said in the configuration become an entry, so that every replay decides with them. */
async function putQueueLimits(main: Group, { workQueue: limits }: Config): Promise<void> {
  const { soft, hard, recovery } = queueRow(main.machine.tables, DEFAULT_QUEUE);
  if (limits === undefined || isDeepStrictEqual(limits, { soft, hard, recovery })) return;
  const data = { queue: DEFAULT_QUEUE, ...limits };
  await main.propose({ type: 'set_queue', data, actor: 'configuration' }, 'control');
}

interface MainParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly log: Log;
  readonly faults: Feed<Error>;
}

/** Whatever goes wrong from here on, the log is not left open. */
function closing(log: Log): (fault: unknown) => Promise<never> {
  return async (fault) => {
    await log.close();
    throw fault;
  };
}

async function openCluster(parts: MainParts): Promise<ClusterSide | undefined> {
  const { config, logger, log, faults } = parts;
  const { cluster } = config;
  if (cluster === undefined) return undefined;
  return ClusterSide.start({
    config,
    cluster,
    logger,
    log,
    onFault: (fault) => faults.tell(fault),
  });
}

/** @throws LogFault where others have a say in this log: alone, the node would decide what they do not know. */
function assertAlone(log: Log): void {
  const others = membersOf(log).filter((id) => id !== log.identity.nodeId);
  if (others.length === 0) return;
  const names = others.join(', ');
  throw new LogFault(
    'foreign-store',
    `this log is shared with ${names}; start the node with --raft-port or --peers, as one of them`,
  );
}

function membersOf(log: Log): readonly string[] {
  const { voters, learners } = log.hardState(MAIN)?.members.at(-1)?.configuration ?? NO_MEMBERS;
  return [...voters, ...learners].map(({ id }) => id);
}

interface OpenMain extends MainParts {
  readonly cluster: ClusterSide | undefined;
}

function openMain(parts: OpenMain): Promise<Group> {
  return openGroup(parts, {
    id: MAIN,
    projections: MAIN_PROJECTIONS,
    undo: parts.config.undo,
    startEngine: parts.cluster?.startEngine ?? startAlone(parts),
  });
}

/** The groups besides `main`, with the node's own ways of opening them. */
function hostGroups(parts: OpenMain, main: Group): Groups {
  const { config, logger, log, cluster } = parts;
  return new Groups({
    nodeId: config.nodeId,
    main,
    log,
    clock: realClock,
    times: { ...HOSTING_TIMES, rest: config.groupRestMs },
    exchange: cluster?.door ?? NO_DOOR,
    open: (id, { kind, members }) =>
      openGroup(parts, {
        id,
        projections: GROUP_PROJECTIONS[kind],
        startEngine: cluster?.startGroupEngine(members) ?? startAlone(parts),
      }),
    askToReturn: async (id, others) => cluster?.askToReturn(id, others),
    onError: (group, err) => logger.error({ group, err }, 'group_failed'),
  });
}

type OwnOfGroup = Pick<GroupOptions, 'id' | 'projections' | 'startEngine' | 'undo'>;

function openGroup({ config, logger, log, faults }: MainParts, own: OwnOfGroup): Promise<Group> {
  const { snapshotIntervalMs: snapshotInterval, retention, historyBytes } = config;
  return Group.open({
    ...own,
    log,
    clock: realClock,
    snapshotInterval,
    retention,
    historyBytes,
    breathe,
    onFault: (fault) => faults.tell(fault),
    onLoopError: (loop, error) => logger.error({ loop, err: error }, 'loop_failed'),
  });
}

function startAlone({ config, log }: MainParts): StartEngine {
  return (start) => {
    assertAlone(log);
    return SoloEngine.start({ log, nodeId: config.nodeId, clock: realClock, ...start });
  };
}
