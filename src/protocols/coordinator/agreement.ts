/**
 * What holds this node against the others, put together: its outcomes every second (`comparing.ts`), its
 * tables where a root is agreed (`root-checking.ts`), and what makes either anew (`rebuilding.ts`).
 */
import type { Log } from '../../log/log.ts';
import type { GroupId } from '../../log/group.ts';
import type { Clock } from '../../log/time.ts';
import type { Machine } from '../../projections/machine.ts';
import type { FinishedPage } from '../../projections/outcome-chain.ts';
import type { Engine } from '../engine.ts';
import { Comparing } from './comparing.ts';
import type { History } from './history.ts';
import { Rebuilding } from './rebuilding.ts';
import { RootChecking } from './root-checking.ts';
import type { Snapshots } from './snapshots.ts';

export interface AgreementOptions {
  readonly log: Log;
  readonly id: GroupId;
  readonly clock: Clock;
  readonly machine: Machine;
  /** An empty one. */
  readonly fresh: () => Machine;
  readonly history: History;
  readonly snapshots: Snapshots;
  /** @throws while the group is being opened */
  readonly engine: () => Engine;
  readonly storePage: (page: FinishedPage) => void;
  readonly breathe: () => Promise<void>;
  /** It decides differently than a majority: this node must not go on. */
  readonly onDivergence: (fault: Error) => void;
  readonly onLoopError: (loop: string, error: unknown) => void;
}

export interface Agreement {
  readonly comparing: Comparing;
  readonly rootChecking: RootChecking;
}

export function agreementOf(options: AgreementOptions): Agreement {
  const { log, id, machine, history, snapshots, onDivergence, onLoopError } = options;
  const { restoring } = snapshots;
  const rebuilding = new Rebuilding({ ...options, group: id, restoring });
  const comparing = new Comparing({
    ...options,
    name: `digests ${id.id}`,
    self: log.identity.nodeId,
    position: () => machine.position.index,
    floor: () => log.floor(id).index,
    digestAt: (index) => history.digestAt(index),
    rebuild: (below) => rebuilding.rebuild(below),
    onFault: onDivergence,
    onError: (error) => onLoopError('digests', error),
  });
  const onError = (error: unknown): void => onLoopError('roots', error);
  const rootChecking = new RootChecking({ ...options, rebuilding, restoring, comparing, onError });
  return { comparing, rootChecking };
}
