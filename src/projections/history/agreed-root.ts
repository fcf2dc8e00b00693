/** A root of the state that the log itself vouches for: what a `state_root` entry says. */
import type { Entry } from '../../log/command.ts';
import type { SnapshotRoots } from '../snapshot.ts';

export interface AgreedRoot extends SnapshotRoots {
  /** The entry that says so. */
  readonly said_at: number;
  /** The index of the state it speaks of. */
  readonly at_index: number;
}

/** @param entry a `state_root`: its schema was held when it was proposed */
export function agreedRoot({ index, data }: Entry): AgreedRoot {
  return { ...(data as unknown as Omit<AgreedRoot, 'said_at'>), said_at: index };
}
