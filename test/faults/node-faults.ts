/**
 * The faults of a real cluster by name, for a nemesis: what is done to a node, between two, or to all.
 *
 * | name | reach | |
 * |---|---|---|
 * | kill | node | SIGKILL; started again at the end |
 * | freeze | node | SIGSTOP, SIGCONT at the end: a pause that nobody in the process notices |
 * | isolate | node | its links to all others hold everything |
 * | split | pair | the two hear each other, and nobody else |
 * | deafen | pair | what the first says to the second is held |
 * | cut | pair | their connections are reset and refused |
 * | slow | node | what it says to others takes 200 ms |
 */
import type { Mesh } from './mesh.ts';
import type { Begin, FaultKind } from './nemesis.ts';
import { type Condition, HELD, OPEN } from './proxy.ts';

/** A node as its operator has it. */
export interface ClusterNode {
  readonly id: string;
  readonly httpUrl: string;
  readonly raftPort: number;
  readonly pid: number;
  readonly dataDir: string;
}

/** What can be done to its process. */
export interface Operated {
  kill(): Promise<unknown>;
  /** Resolves when it serves; at once when it does. */
  start(): Promise<unknown>;
  freeze(): Promise<void>;
  thaw(): void;
}

/** A node's process, by the node's id. */
export type Operator = (id: string) => Operated;

const SLOW_MS = 200;

export const NODE_FAULTS: readonly FaultKind[] = [
  { name: 'kill', reach: 'node', weight: 3 },
  { name: 'freeze', reach: 'node', weight: 3 },
];

export const NETWORK_FAULTS: readonly FaultKind[] = [
  { name: 'isolate', reach: 'node', weight: 3 },
  { name: 'split', reach: 'pair', weight: 2 },
  { name: 'deafen', reach: 'pair', weight: 2 },
  { name: 'cut', reach: 'pair', weight: 2 },
  { name: 'slow', reach: 'node', weight: 1 },
];

export function nodeFaults(operated: Operator): Readonly<Record<string, Begin>> {
  return {
    kill: async (id = '') => {
      const node = operated(id);
      await node.kill();
      return async () => void (await node.start());
    },
    freeze: async (id = '') => {
      const node = operated(id);
      await node.freeze();
      return () => node.thaw();
    },
  };
}

export function networkFaults(mesh: Mesh): Readonly<Record<string, Begin>> {
  /** Between these and all others. */
  const around = (some: readonly string[], says: Condition, hears: Condition): void => {
    for (const id of some)
      for (const other of mesh.ids.filter((one) => !some.includes(one))) {
        mesh.set(id, other, says);
        mesh.set(other, id, hears);
      }
  };
  return {
    isolate: async (id = '') => {
      around([id], HELD, HELD);
      return () => around([id], OPEN, OPEN);
    },
    split: async (...two) => {
      around(two, HELD, HELD);
      return () => around(two, OPEN, OPEN);
    },
    slow: async (id = '') => {
      around([id], { kind: 'slow', milliseconds: SLOW_MS }, OPEN);
      return () => around([id], OPEN, OPEN);
    },
    deafen: async (from = '', to = '') => {
      mesh.set(from, to, HELD);
      return () => mesh.set(from, to, OPEN);
    },
    cut: async (one = '', other = '') => {
      mesh.cut(one, other);
      return () => mesh.healBetween(one, other);
    },
  };
}
