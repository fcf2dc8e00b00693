/**
 * A mutation takes one defence away, as a small patch of the source: the bug it makes is one that other
 * implementations shipped (`bugs.ts`), or that the papers warn of. Something of ours must notice.
 */
export interface Mutation {
  /** Like `vote-not-persisted`. */
  readonly name: string;
  /** What goes wrong without the defence. */
  readonly why: string;
  /** The numbers in `bugs.ts` of what it makes anew; none: nobody is known to have shipped it. */
  readonly bugs: readonly string[];
  readonly patches: readonly Patch[];
  /** Beyond the core: the test files that are to notice it. Without them, seeds of whole nodes are. */
  readonly tests?: readonly string[];
  /** Why nothing can notice it, where that is so: then it is no defence, or another one covers it. */
  readonly excused?: string;
}

export interface Patch {
  /** Below `src`. */
  readonly file: string;
  /** Occurs exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** Below `src`: what is here is judged by scenarios and by seeds of cores, of which there are many a second. */
export const CORE = 'protocols/raft/core/';

export function isOfCore({ patches }: Mutation): boolean {
  return patches.every(({ file }) => file.startsWith(CORE));
}
