/**
 * What the API needs to know of the node it serves, and nothing more.
 */
import type { Log } from '../log/log.ts';
import type { Clock, Milliseconds } from '../log/time.ts';
import type { BatchReport } from '../log/usage.ts';
import type { GroupRow } from '../projections/groups/group-table.ts';
import type { Group } from '../protocols/coordinator/group.ts';
import type { HostingStatus } from '../protocols/coordinator/groups.ts';
import type { LoopStatus } from '../protocols/coordinator/loop.ts';
import type { ClockReport, ElectionReport, Removal } from '../protocols/engine.ts';
import type { LinkStatus } from '../protocols/transport/network.ts';
import type { VoterConfig } from '../protocols/voter-list.ts';
import type { Websocket } from '../protocols/transport/websocket-stream.ts';

/** One place where background loops live. If it throws, `/status` says so and shows the others. */
export interface LoopSource {
  readonly name: string;
  loops(): readonly LoopStatus[];
}

/** The way of a node to others. */
export interface Peering {
  /** Where it listens for them. */
  readonly port: number;
  links(): readonly LinkStatus[];
  /** Where this node was taken out of the members of `main`, and somebody has said so. */
  readonly removal: Removal | undefined;
  readonly clock: ClockReport;
  /** For which this node, or its leader, asked last. */
  readonly lastElection: ElectionReport | null;
  /** The voters of the settings beside those of the log; undefined where either names none. */
  readonly voterConfig: VoterConfig | undefined;
  /** Takes in a node that comes by a websocket; undefined: none may. */
  readonly accept: ((websocket: Websocket, remoteAddress: string) => void) | undefined;
}

/** The many groups of a node, in memory or not. */
export interface Hosting {
  rows(): readonly GroupRow[];
  status(): HostingStatus;
}

export interface ServedNode {
  readonly nodeId: string;
  readonly version: string;
  /** When the process started, on the monotonic clock. */
  readonly startedAt: Milliseconds;
  readonly clock: Clock;
  readonly log: Pick<Log, 'usage' | 'recovery' | 'identity' | 'bounds'>;
  readonly main: Group;
  /** Every group that is in memory, `main` first. */
  groups(): readonly Group[];
  /** A group in memory. */
  group(id: string): Group | undefined;
  /** A group by its name: one that rests comes into memory, and stays while it is asked for. */
  wake(id: string): Promise<Group | undefined>;
  /** The groups besides `main`; undefined where they are not hosted. */
  readonly hosting: Hosting | undefined;
  readonly loops: readonly LoopSource[];
  /** Undefined: no other node reaches this one. */
  readonly peering: Peering | undefined;
  /**
   * What other parts add to `/status`, by name. May be slow, may fail: each is waited for within a limit,
   * and a failure shows in its place.
   */
  readonly sections: Readonly<Record<string, () => unknown>>;
  /** From the moment on when the node is told to stop. */
  readonly isStopping: boolean;
  /** Calls `listener` for every batch that reached the disk. @returns the way to stop listening */
  onBatch(listener: (batch: BatchReport) => void): () => void;
}
