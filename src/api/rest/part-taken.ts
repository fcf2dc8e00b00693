/** Which part a node takes in `main`, and what to do where it takes none any more. */
import type { EngineRole, Removal } from '../../protocols/engine.ts';
import type { ServedNode } from '../served-node.ts';

/** Null: it takes part, or nobody has said otherwise. */
export function removalOf({ peering }: ServedNode): Removal | null {
  return peering?.removal ?? null;
}

/** A node that was removed goes on as the follower of nobody, which is not what it is. */
export function partOf(node: ServedNode): EngineRole | 'removed' {
  return removalOf(node) === null ? node.main.status().role : 'removed';
}

/** For whoever looks after the node. */
export function wordsOfRemoval({ index }: Removal): string {
  return (
    `it was removed from the members by entry ${index}; stop it, ` +
    'or start it with an emptied directory and --join to let it take part again'
  );
}
