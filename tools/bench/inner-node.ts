/**
 * The group `main` on a directory, in this process and without sockets: for figures of the machine and
 * the log alone, and to prepare directories that real nodes are then started on.
 */
import { Group } from '../../src/protocols/coordinator/group.ts';
import { MAIN_PROJECTIONS } from '../../src/projections/registry.ts';
import { SoloEngine } from '../../src/protocols/solo/solo-engine.ts';
import { breathe, realClock } from '../../src/real-clock.ts';
import type { Log } from '../../src/log/log.ts';
import { MAIN, NODE_ID, openLog } from '../read-log.ts';
import { type BenchCommand, OPENING, workload } from './workload.ts';

const IN_FLIGHT = 512;
/** The first commands of a load may be named by later ones. */
const NAMED_MAX = 1_000;
const NEVER_MS = 2 ** 31 - 1;

export interface InnerNode {
  readonly log: Log;
  readonly group: Group;
  close(): Promise<void>;
}

export async function openInnerNode(directory: string): Promise<InnerNode> {
  const log = await openLog(directory);
  const throwing = (fault: unknown): never => {
    throw fault;
  };
  const group = await Group.open({
    id: MAIN,
    log,
    clock: realClock,
    projections: MAIN_PROJECTIONS,
    undo: { entries: 50_000, bytes: 64 * 1024 * 1024 },
    startEngine: (start) => SoloEngine.start({ log, nodeId: NODE_ID, clock: realClock, ...start }),
    snapshotInterval: NEVER_MS,
    retention: { kind: 'all' },
    historyBytes: 2 ** 30,
    breathe,
    onFault: throwing,
    onLoopError: (_, error) => throwing(error),
  });
  await proposeOrThrow(group, OPENING);
  return {
    log,
    group,
    close: async () => {
      await group.stop();
      await log.close();
    },
  };
}

/** Proposes a command as its schema parses it. @throws where it is not applied: the load would be void */
export async function proposeOrThrow(group: Group, { type, data }: BenchCommand): Promise<number> {
  const rule = group.machine.command(type);
  if (rule === undefined) throw new Error(`there is no command ${type}`);
  const answer = await group.propose({ type, data: rule.schema.parse(data) }, rule.traffic);
  if (answer.kind === 'answered' && answer.outcome.kind === 'applied') return answer.index;
  throw new Error(`${type} was not applied: ${JSON.stringify(answer)}`);
}

/** Proposes the commands `from` to `to` (excluded) of a load, pipelined. */
export async function proposeMany(
  group: Group,
  load: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const indices = new Map<number, number>();
  const commandAt = workload(load, (number) => indices.get(number)!);
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < to) {
      const number = next;
      next += 1;
      const index = await proposeOrThrow(group, commandAt(number));
      if (number - from < NAMED_MAX) indices.set(number, index);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}
