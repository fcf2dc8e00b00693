/**
 * Tables made anew from what lies on the disk: the newest snapshot below an index, and the log above it.
 * Outcome pages that come of it take the place of those that were recorded.
 */
import { decodeEntry } from '../../log/command.ts';
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { splitFrames } from '../../log/split-frames.ts';
import type { Machine } from '../../projections/machine.ts';
import type { FinishedPage } from '../../projections/outcome-chain.ts';
import type { Snapshots } from './snapshots.ts';

export interface Rebuilding {
  readonly log: Log;
  readonly group: GroupId;
  readonly snapshots: Snapshots;
  /** An empty machine. */
  readonly fresh: () => Machine;
  /** What is to be decided again begins here or before. */
  readonly below: number;
  readonly to: number;
  readonly storePage: (page: FinishedPage) => void;
  readonly breathe: () => Promise<void>;
}

/** @throws Compacted where neither a snapshot nor the log reaches so far back */
export async function rebuilt(rebuilding: Rebuilding): Promise<Machine> {
  const { log, group, snapshots, fresh, below, to, storePage, breathe } = rebuilding;
  const machine = await snapshots.restoredBelow(below, fresh);
  for await (const { frames } of log.read(group, machine.position.index + 1, { to })) {
    for (const frame of splitFrames(frames)) decideAgain(machine, frame, storePage);
    await breathe();
  }
  return machine;
}

function decideAgain(machine: Machine, frame: Buffer, storePage: Rebuilding['storePage']): void {
  const { page } = machine.apply(decodeEntry(frame));
  if (page !== undefined) storePage(page);
}
