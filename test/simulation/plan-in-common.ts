/** What plans of cores and of whole nodes have in common: things that happen at a moment, to somebody, for a while. */
import type { Chance } from './raft-core/chance.ts';
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
export interface Wanted<Fault extends string = string> {
  /** All nodes, those that begin outside of the group among them. */
  readonly nodes?: number | undefined;
  readonly voters?: number | undefined;
  readonly milliseconds?: number | undefined;
  /** These take part, and no others; undefined: those that are drawn. */
  readonly faults?: readonly Fault[] | undefined;
}

type Size = Pick<PlanInCommon, 'voters' | 'spares'>;

/** A group that begins with fewer voters is not made smaller for the sake of others that join. */
const VOTERS_RATHER = 3;

/** Which kinds take part in a run: each draws from a stream of its own. */
export function faultsOf<Fault extends string>(
  wanted: readonly Fault[] | undefined,
  drawn: { readonly all: readonly Fault[]; readonly share: number; readonly chance: Chance },
): ReadonlySet<Fault> {
  const { all, share, chance } = drawn;
  return new Set(
    all.filter((fault) => wanted?.includes(fault) ?? chance.named(fault).happens(share)),
  );
}

/** How many nodes take part, and as what. */
export function sizeOf({ nodes, voters }: Wanted, drawn: Size): Size {
  if (nodes === undefined) return { voters: voters ?? drawn.voters, spares: drawn.spares };
  const spares = Math.min(drawn.spares, Math.max(0, nodes - (voters ?? VOTERS_RATHER)));
  return { voters: nodes - spares, spares };
}
