/**
 * A whole node on a simulated machine: log, engines, machines, groups, joining: the parts `node.ts` of the
 * source puts together, above a simulated disk, network and clock. What is left out is what faces people:
 * HTTP, the command line, the configuration.
 */
import { Log } from '../../../src/log/log.ts';
import type { GroupId } from '../../../src/log/group.ts';
import type { Retention } from '../../../src/log/retention.ts';
import type { Projection } from '../../../src/projections/projection.ts';
import { GROUP_PROJECTIONS } from '../../../src/projections/registry.ts';
import { Group, type StartEngine } from '../../../src/protocols/coordinator/group.ts';
import { Groups, type HostingTimes } from '../../../src/protocols/coordinator/groups.ts';
import type { EngineSink } from '../../../src/protocols/engine.ts';
import type { Bounds, Timing, Trace } from '../../../src/protocols/raft/core/input.ts';
import { Exchange } from '../../../src/protocols/raft/exchange.ts';
import { startFounded } from '../../../src/protocols/raft/founding.ts';
import { askToReturn } from '../../../src/protocols/raft/returning.ts';
import { Joining } from '../../../src/protocols/raft/joining.ts';
import { PeerClocks } from '../../../src/protocols/raft/peer-clocks.ts';
import { RaftEngine, type RaftOptions } from '../../../src/protocols/raft/raft-engine.ts';
import type { Store } from '../../../src/log/store.ts';
import type { Chance } from '../raft-core/chance.ts';
import type { SimulatedDisk } from './disk.ts';
import type { EventLoop } from './event-loop.ts';
import { Life, type Oscillator } from './life.ts';
import type { SimulatedNetworks } from './network.ts';
import { SIMULATED_PROJECTIONS } from './stumbling.ts';

export const MAIN: GroupId = { id: 'main', incarnation: 0 };
const NO_SCAN = { torn: [], flaws: [], unread: 0 };
const TIMES: HostingTimes = { round: 200, rest: 2_000, sealPatience: 3_000, led: 2_000 };

/** What a test may put in the place of parts: how laws are shown to notice. */
export interface Seams {
  /** In front of the disk. */
  readonly store?: (store: Store, disk: SimulatedDisk, life: Life) => Store;
  readonly projections?: (
    node: SimulatedNode,
    projections: readonly Projection[],
  ) => readonly Projection[];
  /** What an engine is told of its bounds. */
  readonly bounds?: (bounds: Bounds) => Bounds;
  /** What a node does when it is asked to stop. */
  readonly stop?: (node: SimulatedNode, stop: () => Promise<void>) => Promise<void>;
  /** In front of the engine: what it hands over goes through here. */
  readonly sink?: (node: SimulatedNode, sink: EngineSink) => EngineSink;
}

/** What a world wants to hear of its nodes. */
export interface Watcher {
  opened(node: SimulatedNode, group: Group): void;
  traced(node: SimulatedNode, group: GroupId, trace: Trace): void;
  /** After the machine of the group took them. */
  applied(node: SimulatedNode, group: Group, frames: readonly Buffer[]): void;
  /** The process ends by itself. */
  failed(node: SimulatedNode, fault: Error): void;
  /** Something went wrong that the node survived. */
  complained(node: SimulatedNode, where: string, error: unknown): void;
}

export interface NodeParts {
  readonly id: string;
  readonly disk: SimulatedDisk;
  readonly oscillator: Oscillator;
  readonly loop: EventLoop;
  readonly networks: SimulatedNetworks;
  readonly chance: Chance;
  readonly voters: readonly string[];
  readonly timing: Timing;
  readonly bounds: Bounds;
  readonly retention: Retention;
  readonly seams: Seams;
  readonly watcher: Watcher;
}

/** What a node that serves is made of. */
export interface Running {
  readonly log: Log;
  readonly main: Group;
  readonly engine: RaftEngine;
  readonly groups: Groups;
  readonly joining: Joining;
  readonly clocks: PeerClocks;
}

/** What every engine of a node is given. */
interface Seat {
  readonly log: Log;
  readonly life: Life;
  readonly exchange: Exchange;
  readonly clocks: PeerClocks;
}

export class SimulatedNode {
  readonly parts: NodeParts;
  life: Life;
  /** Undefined while it is down, or still opening. */
  running: Running | undefined;
  /** So many lives it had. */
  lives = 0;
  /** The store it has, once it has opened it. */
  storeId = '';
  isStopping = false;
  /** The voters of a new cluster, as it is told at its start. */
  voters: readonly string[];

  constructor(parts: NodeParts) {
    this.parts = parts;
    this.voters = parts.voters;
    this.life = new Life(parts.loop, parts.oscillator);
    this.life.end();
  }

  get id(): string {
    return this.parts.id;
  }

  get isUp(): boolean {
    return !this.life.isOver;
  }

  /** Serves, and nothing keeps it from answering. */
  get serving(): Running | undefined {
    return this.life.isRunning && !this.isStopping ? this.running : undefined;
  }

  start(): void {
    const { loop, oscillator, watcher } = this.parts;
    this.lives += 1;
    this.isStopping = false;
    const life = new Life(loop, oscillator);
    this.life = life;
    void this.#open(life).catch((fault: unknown) => {
      if (!life.isOver) watcher.failed(this, fault as Error);
    });
  }

  /** The process is gone from one moment to the next; the machine goes on. */
  kill(): void {
    this.life.end();
    this.running = undefined;
    this.parts.networks.leave(this.life);
    this.parts.disk.killed();
  }

  powerCut(): void {
    this.kill();
    this.parts.disk.powerCut();
  }

  /** Stops as it does when it is asked to. Nothing may be left of it afterwards. */
  async stop(): Promise<void> {
    const stop = (): Promise<void> => this.#stop();
    await (this.parts.seams.stop?.(this, stop) ?? stop());
  }

  async #stop(): Promise<void> {
    const { running } = this;
    if (running === undefined) return;
    this.isStopping = true;
    const { groups, main, log, joining, clocks } = running;
    await groups.stop();
    await main.stop();
    await joining.stop();
    await clocks.stop();
    this.parts.networks.leave(this.life);
    await log.close();
    this.running = undefined;
  }

  async #open(life: Life): Promise<void> {
    const { id, disk, networks, chance, seams, watcher } = this.parts;
    const store = disk.store(life);
    const log = await Log.open({
      directory: `/${id}`,
      nodeId: id,
      clusterId: undefined,
      isNewCluster: false,
      drawId: () => drawnId(chance),
      clock: life.clock,
      store: () => Promise.resolve(seams.store?.(store, disk, life) ?? store),
      scan: () => Promise.resolve(NO_SCAN),
      files: disk.files(life),
      diskGauge: () => Promise.resolve(disk.share),
      turn: life.breathe,
      onPoison: (fault) => watcher.failed(this, fault),
    });
    this.storeId = log.identity.storeId;
    const exchange = new Exchange({
      nodeId: id,
      clock: life.clock,
      breathe: life.breathe,
      onNoise: (from, error) => watcher.complained(this, `noise of ${from}`, error),
    });
    const identity = { nodeId: id, storeId: this.storeId, clusterId: undefined };
    exchange.use(networks.join(identity, life, exchange));
    let engine: RaftEngine | undefined;
    const isOther = (other: string): boolean => other !== id;
    const clocks = new PeerClocks({
      clock: life.clock,
      exchange,
      peers: () => (engine?.members().voters ?? []).map((voter) => voter.id).filter(isOther),
    });
    const main = await this.#group(log, life, MAIN, SIMULATED_PROJECTIONS, async (start) => {
      engine = await RaftEngine.start(this.#raft({ log, life, exchange, clocks }, start));
      return engine;
    });
    if (engine === undefined) throw new Error('the group has no engine');
    const joining = this.#joining(log, life, engine, exchange);
    const groups = new Groups({
      nodeId: id,
      main,
      log,
      clock: life.clock,
      times: TIMES,
      exchange,
      open: (group, row) =>
        this.#group(log, life, group, GROUP_PROJECTIONS[row.kind], (start) =>
          startFounded({
            ...this.#raft({ log, life, exchange, clocks }, start),
            timing: { ...this.parts.timing, quiesce_after: 8 },
            voters: row.members,
            membersOfMain: () => main.members(),
          }),
        ),
      askToReturn: (group, others) => {
        const self = { id, store: log.identity.storeId, addresses: [id] };
        return askToReturn({ exchange, self, group, others });
      },
      onError: (group, error) => watcher.complained(this, `group ${group}`, error),
    });
    this.running = { log, main, engine, groups, joining, clocks };
    joining.start();
    clocks.start();
    groups.start();
  }

  #joining(log: Log, life: Life, engine: RaftEngine, exchange: Exchange): Joining {
    const { voters } = this;
    const { id } = this.parts;
    return new Joining({
      self: { id, store: log.identity.storeId, addresses: [id] },
      voters: voters.map((voter) => ({ id: voter, addresses: [voter] })),
      join: voters.includes(id) ? [] : voters,
      engine,
      exchange,
      clock: life.clock,
      clusterId: () => log.identity.clusterId,
      belong: (clusterId) => log.belongTo(clusterId),
      isJoining: () => log.identity.isJoining === true,
      arrived: () => log.arrived(),
      onProgress: () => undefined,
    });
  }

  async #group(
    log: Log,
    life: Life,
    id: GroupId,
    projections: readonly Projection[],
    startEngine: StartEngine,
  ): Promise<Group> {
    const { seams, watcher, retention } = this.parts;
    const group = await Group.open({
      id,
      log,
      clock: life.clock,
      projections: seams.projections?.(this, projections) ?? projections,
      startEngine: (start) => {
        const sink = this.#watched(start.sink as Group);
        return startEngine({ ...start, sink: seams.sink?.(this, sink) ?? sink });
      },
      snapshotInterval: 3_000,
      retention,
      historyBytes: 0,
      breathe: life.breathe,
      onFault: (fault) => watcher.failed(this, fault),
      onLoopError: (loop, error) => watcher.complained(this, loop, error),
    });
    watcher.opened(this, group);
    return group;
  }

  /** The group, which is the sink of its engine; the world sees what it was given. */
  #watched(group: Group): EngineSink {
    return {
      committed: (frames) => {
        group.committed(frames);
        this.parts.watcher.applied(this, group, frames);
      },
      install: (index) => group.install(index),
      led: () => group.led(),
    };
  }

  #raft({ log, life, exchange, clocks }: Seat, start: Parameters<StartEngine>[0]): RaftOptions {
    const { id, chance, timing, bounds, seams, watcher } = this.parts;
    return {
      ...start,
      breathe: life.breathe,
      log,
      nodeId: id,
      clock: clocks,
      random: chance.unit,
      timing,
      bounds: seams.bounds?.(bounds) ?? bounds,
      exchange,
      onTrace: (trace) => watcher.traced(this, start.group, trace),
      onError: (error) => watcher.complained(this, 'raft', error),
      onFault: (fault) => watcher.failed(this, fault),
    };
  }
}

/** Written like a UUID. */
function drawnId(chance: Chance): string {
  const digits = (count: number): string =>
    Array.from({ length: count }, () => chance.below(16).toString(16)).join('');
  return [8, 4, 4, 4, 12].map(digits).join('-');
}
