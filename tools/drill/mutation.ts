/**
 * A mutation takes one defence away from the Raft core, as a small patch of its text: the bug it makes is
 * one that other implementations shipped, or that the papers warn of. Something of ours must notice.
 */
export interface Mutation {
  /** Like `vote-not-persisted`. */
  readonly name: string;
  /** What goes wrong without the defence. */
  readonly why: string;
  readonly patches: readonly Patch[];
  /** Why nothing can notice it, where that is so: then it is no defence, or another one covers it. */
  readonly excused?: string;
}

export interface Patch {
  /** Below `src/protocols/raft/core`. */
  readonly file: string;
  /** Occurs exactly once. */
  readonly find: string;
  readonly replace: string;
}
