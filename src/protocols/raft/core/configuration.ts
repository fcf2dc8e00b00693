/**
 * Who takes part. A member is a node **and** its store: a node that lost its disk has another store, and
 * is not the voter it was. Answers count only from the stores named here.
 *
 * ```
 *  {A B C}  ──change──▶  joint: {A B C} and {A B D}  ──committed──▶  {A B D}
 *  stable                both majorities decide       proposed once     stable
 * ```
 *
 * Ongaro & Ousterhout 2014, §6 (joint consensus).
 */
export interface Member {
  readonly id: string;
  /** The store the member votes with; drawn anew for every empty disk. */
  readonly store: string;
  /** Where it is reached, best first. Nothing here reads it. */
  readonly addresses: readonly string[];
}

export interface Configuration {
  readonly voters: readonly Member[];
  /** Those who voted before, while the change is joint; empty otherwise. */
  readonly outgoing: readonly Member[];
  /** Replicate, do not vote. */
  readonly learners: readonly Member[];
}
