/**
 * Where a log is read from: the directory of a stopped node, or a running node. Both give the same
 * evidence, so every audit runs on either.
 */
import type { Evidence } from '../../projections/history/evidence.ts';
import type { StoreFault } from '../../log/archive.ts';

/** A log, open for reading. */
export interface LogSource {
  /** The directory or the address, for people. */
  readonly name: string;
  readonly evidence: Evidence;
  /** What is wrong apart from entries; of a running node, nothing is known of that. */
  readonly storeFaults: readonly StoreFault[];
  /** What the node says of itself, if it runs. */
  readonly live: LiveStanding | undefined;
  /** Snapshots that are worth comparing with, newest last: their indices. */
  readonly snapshotIndices: readonly number[];
  close(): Promise<void>;
}

export interface LiveStanding {
  readonly index: number;
  readonly digest: string;
}

export interface Wanted {
  readonly dataDir: string | undefined;
  readonly url: string | undefined;
  readonly group: string;
}
