/**
 * What Raft replicates. The frame is opaque: the host encodes it before, seals it with the place the core
 * gives, and reads it after. Only the members of the group, when an entry changes them, are known here.
 */
import type { Configuration } from './configuration.ts';

/** Where an entry stands: Raft calls two logs equal up to here when both have this place (§5.3). */
export interface Place {
  readonly term: number;
  readonly index: number;
}

export interface Entry extends Place {
  readonly frame: Uint8Array;
  /** The members from this entry on; most entries change nothing. Effective on append (§6). */
  readonly configuration?: Configuration | undefined;
}

/** Frames of what the core itself appends. The host makes them; the core only hands them on. */
export interface FrameMaker {
  /** The first entry of a term, by which everything before it is committed (§8). */
  noOp(): Uint8Array;
  configuration(configuration: Configuration): Uint8Array;
}
