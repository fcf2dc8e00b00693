/**
 * What an audit is given: one group's log as somebody found it, on the disk of a stopped node or in the
 * answers of a running one, and what it finds: data, one row per fault, never a throw.
 */
import type { GroupId } from '../../log/group.ts';
import type { Sighting } from '../../log/sighting.ts';
import type { Projection } from '../projection.ts';

export interface Evidence {
  readonly group: GroupId;
  readonly projections: readonly Projection[];
  /** The oldest index that was not trimmed. */
  readonly first: number;
  /** The last index that should be there. */
  readonly last: number;
  /** Everything there is from `from` on, in order. May be asked for more than once. */
  read(from: number): AsyncIterable<readonly Sighting[]>;
  /** Oldest first. */
  readonly snapshots: readonly SnapshotEvidence[];
}

export interface SnapshotEvidence {
  readonly index: number;
  /** A path, for people. */
  readonly where: string;
  /** Its content. Opening it, or reading it to the end, throws where it is not whole. */
  content(): AsyncIterable<Uint8Array>;
}

export interface Finding {
  readonly group: string;
  readonly index: number;
  readonly where: string;
  readonly offset: number;
  readonly problem: string;
}

/** What a finding says besides its group. */
export type Problem = Omit<Finding, 'group'>;

/** Told now and then how far an audit has come: the index it has reached. */
export type Progress = (index: number) => void;

/** More findings than this are counted and not listed: a shredded log must not fill the memory. */
export const FINDINGS_MAX = 10_000;

/** Findings of one group, in the order in which they were made. */
export class Findings {
  readonly listed: Finding[] = [];
  readonly #group: string;
  #count = 0;

  constructor(group: string) {
    this.#group = group;
  }

  /** How many were made, listed or not. */
  get count(): number {
    return this.#count;
  }

  /** Whether one of those listed is about this entry. */
  speaksOf(index: number): boolean {
    return this.listed.some((finding) => finding.index === index);
  }

  add(problem: Problem): void {
    this.#count += 1;
    if (this.#count <= FINDINGS_MAX) this.listed.push({ group: this.#group, ...problem });
  }
}
