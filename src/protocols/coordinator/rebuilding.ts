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
  /** Empty. */
  readonly machine: Machine;
  /** What is to be decided again begins here or before. */
  readonly below: number;
  readonly to: number;
  readonly storePage: (page: FinishedPage) => void;
  readonly breathe: () => Promise<void>;
}

/** @throws Compacted where neither a snapshot nor the log reaches so far back */
export async function rebuild(rebuilding: Rebuilding): Promise<void> {
  const { log, group, snapshots, machine, below, to, breathe } = rebuilding;
  const from = await snapshots.restoreBelow(below, machine);
  for await (const { frames } of log.read(group, from + 1, { to })) {
    for (const frame of splitFrames(frames)) decideAgain(rebuilding, frame);
    await breathe();
  }
}

function decideAgain({ machine, storePage }: Rebuilding, frame: Buffer): void {
  const { page } = machine.apply(decodeEntry(frame));
  if (page !== undefined) storePage(page);
}
