/** What plans of cores and of whole nodes have in common: things that happen at a moment, to somebody, for a while. */
import type { Noise } from './raft-core/network.ts';

export interface Happening<Fault extends string = string> {
  readonly at: number;
  readonly fault: Fault;
  /** Whoever leads at that moment, or a node by its number. */
  readonly target: 'leader' | number;
  readonly lasts: number;
  /** Seed of every further choice: sides of a partition, who is suspected, who shall vote. */
  readonly draw: number;
}

export interface PlanInCommon<Fault extends string = string> {
  readonly seed: number;
  readonly voters: number;
  /** Nodes that begin outside of the group. */
  readonly spares: number;
  /** Length of the safety phase. */
  readonly milliseconds: number;
  readonly clients: number;
  readonly noise: Noise;
  readonly happenings: readonly Happening<Fault>[];
}

/** What is said beforehand; all else is drawn. */
export interface Wanted<Fault extends string> {
  readonly voters?: number | undefined;
  readonly milliseconds?: number | undefined;
  /** Faults that may be drawn. */
  readonly faults?: readonly Fault[] | undefined;
}
