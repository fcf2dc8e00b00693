/**
 * What an audit sees when it looks at a log: an entry with what was recorded of it, or damage, each with
 * the place where it lies. Whoever reads bytes for an audit (the archive of a stopped node, the answer of
 * a running one) gives sightings and believes nothing; the audit draws the conclusions.
 */

export interface SeenEntry {
  readonly kind: 'entry';
  /** What the frame says; whether it belongs here is for the audit to find. */
  readonly index: number;
  /** Sealed, its checksum verified. */
  readonly frame: Buffer;
  /** As it was recorded; undefined where only the entry is there, and it has to be decided again. */
  readonly outcome: Uint8Array | undefined;
  /** What it lies in: `block 257`, `outcome page 1`, `answer`. */
  readonly where: string;
  /** Its first byte, counted from the start of that. */
  readonly offset: number;
}

export interface SeenDamage {
  readonly kind: 'damage';
  /** The entry itself cannot be read, or only something beside it: its outcomes' page, its block's seal. */
  readonly what: 'entry' | 'record';
  /** The entry that should be here. */
  readonly index: number;
  readonly where: string;
  readonly offset: number;
  readonly reason: string;
}

export type Sighting = SeenEntry | SeenDamage;

/** Before outcomes are put beside the entries. */
export type BareSighting = Omit<SeenEntry, 'outcome'> | SeenDamage;
