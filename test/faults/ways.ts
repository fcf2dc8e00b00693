/**
 * What leads from each node to each other, whatever it is made of: proxies (`mesh.ts`) or cables and a switch
 * (`namespace-ways.ts`). Faults of the network are done to it.
 */
import type { Condition } from './proxy.ts';

export interface Ways {
  readonly ids: readonly string[];
  /** What `from` says to `to`, whoever dialled. */
  set(from: string, to: string, condition: Condition): Promise<void> | void;
  /** These two are refused to each other: who dials hears so at once. */
  cut(one: string, other: string): Promise<void> | void;
  healBetween(one: string, other: string): Promise<void> | void;
  /** As it was in the beginning. */
  heal(): Promise<void> | void;
}
