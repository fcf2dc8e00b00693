/**
 * A whole node without a port: the real log on the real disk, the engine of one voter, the rules of main,
 * and the server in front of them. `inject` and `injectWS` are its clients.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { buildServer } from '../../src/api/rest/server.ts';
import type { ServedNode } from '../../src/api/served-node.ts';
import { Log } from '../../src/log/log.ts';
import type { BatchReport } from '../../src/log/usage.ts';
import { MAIN_PROJECTIONS } from '../../src/projections/registry.ts';
import { Group } from '../../src/protocols/coordinator/group.ts';
import { SoloEngine } from '../../src/protocols/solo/solo-engine.ts';
import { realClock } from '../../src/real-clock.ts';

const MAIN = { id: 'main', incarnation: 0 } as const;
/** For what never comes: a machine that is busy with other things makes everything else late. */
const PATIENCE_MS = 120_000;

export interface RunningNode {
  readonly node: ServedNode & { isStopping: boolean };
  readonly group: Group;
  readonly log: Log;
  readonly server: FastifyInstance;
  readonly directory: string;
  /** Stops everything and removes the directory. Idempotent. */
  stop(): Promise<void>;
}

export interface NodeChanges {
  /** Replaces parts of what the server is told of the node. */
  readonly served?: Partial<ServedNode>;
  /** A fault of the rules is what the test is about: it is not one of the test. */
  readonly mayFail?: boolean;
  readonly retention?: Parameters<typeof Group.open>[0]['retention'];
}

/** From here on a wait is a time-out, which no test means to see: five seconds are little for a busy machine. */
const TIME_OUT_MS = 5_000;

/** As the real clock, but for time-outs: those are minutes. */
function afterLong(delay: number, task: () => void): () => void {
  return realClock.after(delay < TIME_OUT_MS ? delay : Math.max(delay, PATIENCE_MS), task);
}

export async function startNode(changes: NodeChanges = {}): Promise<RunningNode> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-api-'));
  const clock = realClock;
  const patient = { ...realClock, after: afterLong };
  const listeners = new Set<(batch: BatchReport) => void>();
  const faults: Error[] = [];
  const log = await Log.open({
    directory,
    nodeId: 'n1',
    clusterId: undefined,
    drawId: () => 'cluster-of-the-test',
    clock,
    onPoison: (fault) => faults.push(fault),
    onBatch: (batch) => listeners.forEach((listener) => listener(batch)),
  });
  const group = await Group.open({
    id: MAIN,
    log,
    clock,
    projections: MAIN_PROJECTIONS,
    startEngine: (start) => SoloEngine.start({ log, nodeId: 'n1', clock, ...start }),
    snapshotInterval: 3_600_000,
    retention: changes.retention ?? { kind: 'all' },
    historyBytes: 64 * 1024 * 1024,
    breathe: () => setImmediate(),
    onFault: (fault) => faults.push(fault),
    onLoopError: (_loop, error) => faults.push(error as Error),
  });
  const node = {
    nodeId: 'n1',
    version: '0.0.0-test',
    startedAt: clock.monotonic(),
    clock: patient,
    log,
    main: group,
    groups: () => [group],
    group: (id: string) => (id === 'main' ? group : undefined),
    wake: (id: string): Promise<Group | undefined> =>
      Promise.resolve(id === 'main' ? group : undefined),
    hosting: undefined,
    loops: [{ name: 'main', loops: () => group.loops() }],
    peering: undefined,
    sections: {},
    isStopping: false,
    onBatch: (listener: (batch: BatchReport) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ...changes.served,
  };
  const server = buildServer(node);
  await server.ready();
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    node.isStopping = true;
    await server.close();
    await group.stop();
    await log.close();
    await rm(directory, { recursive: true, force: true });
    if (faults.length > 0 && changes.mayFail !== true)
      throw new AggregateError(faults, 'the node had faults');
  };
  return { node, group, log, server, directory, stop: () => (stopped ??= stop()) };
}

/** Waits until `holds`, looking often; fails after `deadline` ms. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadline = PATIENCE_MS,
): Promise<void> {
  const end = performance.now() + deadline;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`never came true: ${what}`);
    await setImmediate();
  }
}
