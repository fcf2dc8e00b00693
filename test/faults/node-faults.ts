/**
 * The faults of a real cluster by name, for a nemesis: what is done to a node, between two, or to all.
 *
 * | name | reach | |
 * |---|---|---|
 * | kill | node | SIGKILL; started again at the end |
 * | freeze | node | SIGSTOP, SIGCONT at the end: a pause that nobody in the process notices |
 * | isolate | node | its ways to all others hold everything |
 * | split | pair | the two hear each other, and nobody else |
 * | deafen | pair | what the first says to the second is held |
 * | cut | pair | they are refused to each other |
 * | slow | node | what it says to others takes 200 ms, or has little room |
 *
 * What it means that a way is held or refused, `proxy.ts` and `namespace-ways.ts` say.
 */
import type { Begin, FaultKind } from './nemesis.ts';
import { type Condition, HELD, OPEN } from './proxy.ts';
import type { Ways } from './ways.ts';

/** What can be done to the process of a node. */
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

export function networkFaults(ways: Ways): Readonly<Record<string, Begin>> {
  /** Between these and all others. */
  const around = async (
    some: readonly string[],
    says: Condition,
    hears: Condition,
  ): Promise<void> => {
    for (const id of some)
      for (const other of ways.ids.filter((one) => !some.includes(one))) {
        await ways.set(id, other, says);
        await ways.set(other, id, hears);
      }
  };
  return {
    isolate: async (id = '') => {
      await around([id], HELD, HELD);
      return () => around([id], OPEN, OPEN);
    },
    split: async (...two) => {
      await around(two, HELD, HELD);
      return () => around(two, OPEN, OPEN);
    },
    slow: async (id = '') => {
      await around([id], { kind: 'slow', milliseconds: SLOW_MS }, OPEN);
      return () => around([id], OPEN, OPEN);
    },
    deafen: async (from = '', to = '') => {
      await ways.set(from, to, HELD);
      return () => ways.set(from, to, OPEN);
    },
    cut: async (one = '', other = '') => {
      await ways.cut(one, other);
      return () => ways.healBetween(one, other);
    },
  };
}
