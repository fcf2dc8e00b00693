/**
 * What a cluster of a campaign stands in: proxies between processes of one machine, or a network of its own
 * for each.
 *
 * | | `proxy` | `namespaces` |
 * |---|---|---|
 * | needs | nothing | root |
 * | a way that is cut | holds bytes, and gives them out at the end | loses packets; TCP finds out by itself |
 * | dialling over it | is accepted, and nothing comes | gets no answer |
 * | besides | a way that takes time | cables that are pulled or dead, narrow cables |
 */
import type { Begin, FaultKind } from '../../test/faults/nemesis.ts';
import type { Ways } from '../../test/faults/ways.ts';

export const NETWORKS = ['proxy', 'namespaces'] as const;
export type NetworkName = (typeof NETWORKS)[number];

/** Where a node stands. */
export interface Place {
  /** For clients. */
  readonly httpUrl: string;
  /** What is put before its command. */
  readonly under: readonly string[];
  /** Of node itself. */
  readonly execArguments: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Network {
  readonly ways: Ways;
  /** Faults that only this kind of network knows. */
  readonly faults: Readonly<Record<string, Begin>>;
  place(id: string): Place;
  close(): Promise<void>;
  /** As much of that as a process that is about to exit can do. */
  abandon(): void;
}

/** What is done to the cables of namespaces. */
export const CABLE_FAULTS: readonly FaultKind[] = [
  { name: 'unplug', reach: 'node', weight: 2 },
  { name: 'down', reach: 'node', weight: 2 },
];
