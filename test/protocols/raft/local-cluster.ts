/** Whole groups agreeing by Raft within one process: real logs, real time, links that can be cut. */
import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { Log } from '../../../src/log/log.ts';
import type { Clock, Milliseconds } from '../../../src/log/time.ts';
import type { Projection } from '../../../src/projections/projection.ts';
import { Group, type GroupOptions } from '../../../src/protocols/coordinator/group.ts';
import type { Trace } from '../../../src/protocols/raft/core/input.ts';
import { Exchange } from '../../../src/protocols/raft/exchange.ts';
import { Joining } from '../../../src/protocols/raft/joining.ts';
import { RaftEngine } from '../../../src/protocols/raft/raft-engine.ts';
import { TimerWheel } from '../../../src/protocols/timer-wheel.ts';
import { breathe } from '../../../src/real-clock.ts';
import { until } from '../../end-to-end/condition.ts';
import { CountingClock, MAIN, temporaryDirectory } from '../../log/fixtures.ts';
import { PROJECTIONS } from '../coordinator/hosted-group.ts';
import { LocalNetworks } from './local-network.ts';

const MIB = 1024 * 1024;

export interface Member {
  readonly id: string;
  readonly directory: string;
  readonly log: Log;
  readonly group: Group;
  readonly engine: RaftEngine;
  readonly exchange: Exchange;
  readonly faults: readonly Error[];
  readonly loopErrors: readonly unknown[];
  readonly traces: readonly Trace[];
  /** All that waits on this node shares the timers that this counts, as on a real one. */
  readonly timers: CountingClock;
  readonly clock: Clock;
  stop(): Promise<void>;
}

export interface Life {
  readonly directory?: string;
  readonly projections?: readonly Projection[];
  /** Whom to ask to be let in; none: it founds the cluster with the voters. */
  readonly join?: readonly string[];
  readonly group?: Partial<GroupOptions>;
  readonly clock?: Clock;
  /** The grid of its wake-ups, where it is coarser than usual. */
  readonly tick?: Milliseconds;
}

export class LocalCluster {
  readonly networks = new LocalNetworks();
  readonly #voters: readonly string[];
  readonly members = new Map<string, Member>();

  constructor(voters: readonly string[]) {
    this.#voters = voters;
  }

  /** Starts all voters, and waits until one of them leads. */
  static async founded(
    count: number,
    lives: Readonly<Record<string, Life>> = {},
  ): Promise<LocalCluster> {
    const ids = Array.from({ length: count }, (_, place) => `n${place + 1}`);
    const cluster = new LocalCluster(ids);
    for (const id of ids) await cluster.start(id, lives[id]);
    await cluster.untilLed();
    return cluster;
  }

  async start(id: string, life: Life = {}): Promise<Member> {
    const { directory = await temporaryDirectory(), projections = PROJECTIONS, join = [] } = life;
    const timers = new CountingClock(life.clock);
    const clock = new TimerWheel(timers);
    const log = await Log.open({
      directory,
      nodeId: id,
      clusterId: undefined,
      isNewCluster: false,
      drawId: randomUUID,
      clock,
      diskGauge: () => Promise.resolve(0.1),
      onPoison: (fault) => faults.push(fault),
    });
    const faults: Error[] = [];
    const loopErrors: unknown[] = [];
    const traces: Trace[] = [];
    const exchange = new Exchange({
      nodeId: id,
      clock,
      breathe,
      ...(life.tick !== undefined && { tick: life.tick }),
      onNoise: (_from, error) => loopErrors.push(error),
    });
    const identity = { nodeId: id, storeId: log.identity.storeId, clusterId: undefined };
    const network = this.networks.join(identity, exchange);
    exchange.use(network);
    let engine: RaftEngine | undefined;
    const group = await Group.open({
      id: MAIN,
      log,
      clock,
      projections,
      startEngine: async (start) => {
        engine = await RaftEngine.start({
          ...start,
          breathe,
          log,
          nodeId: id,
          clock,
          random: Math.random,
          timing: {
            heartbeat: 50,
            election: { least: 300, most: 600 },
            disk_patience: 3_000,
            quorum_patience: 600,
            news: 10,
            stall: 300,
            quiesce_after: Number.POSITIVE_INFINITY,
            ease_after: Number.POSITIVE_INFINITY,
          },
          bounds: {
            in_flight_messages: 64,
            in_flight_bytes: 8 * MIB,
            eager_messages: 2,
            message_bytes: MIB,
            message_entries: 1_000,
            uncommitted_bytes: 64 * MIB,
            cache_bytes: 64 * 1024,
            reads: 10_000,
            promotion_lag: 256,
          },
          exchange,
          onTrace: (trace) => traces.push(trace),
          onError: (error) => loopErrors.push(error),
          onFault: (fault) => faults.push(fault),
        });
        return engine;
      },
      snapshotInterval: 60_000,
      retention: { kind: 'all' },
      historyBytes: 0,
      breathe,
      onFault: (fault) => faults.push(fault),
      onLoopError: (_loop, error) => loopErrors.push(error),
      ...life.group,
    });
    if (engine === undefined) throw new Error('the group has no engine');
    const joining = new Joining({
      self: { id, store: log.identity.storeId, addresses: [id] },
      voters: [...new Set([...this.#voters, id])].map((voter) => ({
        id: voter,
        addresses: [voter],
      })),
      join,
      engine,
      exchange,
      clock,
      clusterId: () => log.identity.clusterId,
      belong: (clusterId) => log.belongTo(clusterId),
      isJoining: () => log.identity.isJoining === true,
      arrived: () => log.arrived(),
      onProgress: () => undefined,
    });
    joining.start();
    let stopped: Promise<void> | undefined;
    const end = async (): Promise<void> => {
      await joining.stop();
      await group.stop();
      await network.stop();
      await log.close();
    };
    const stop = (): Promise<void> => (stopped ??= end());
    onTestFinished(stop);
    const member = {
      id,
      directory,
      log,
      group,
      engine,
      exchange,
      faults,
      loopErrors,
      traces,
      timers,
      clock,
      stop,
    };
    this.members.set(id, member);
    return member;
  }

  at(id: string): Member {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`no member ${id}`);
    return member;
  }

  get leader(): Member | undefined {
    return [...this.members.values()].find(({ group }) => group.isLeader);
  }

  get followers(): readonly Member[] {
    return [...this.members.values()].filter(({ group }) => !group.isLeader);
  }

  async untilLed(): Promise<Member> {
    await until('a leader has committed in its term', () => {
      const { leader } = this;
      return (
        leader !== undefined && leader.group.machine.position.term === leader.group.status().term
      );
    });
    return this.leader!;
  }

  /** Waits until all of these have applied what the leader has. */
  async untilEqual(members = [...this.members.values()]): Promise<void> {
    await until('all have applied the same', () => {
      const positions = new Set(members.map(({ group }) => group.machine.position.index));
      const digests = new Set(members.map(({ group }) => group.machine.digest()));
      return positions.size === 1 && digests.size === 1;
    });
  }
}
