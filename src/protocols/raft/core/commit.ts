/** The commit index moves forward, and those who wait for it are told. */
import type { Place } from './entry.ts';
import type { Settled } from './input.ts';
import { invariant } from './bug.ts';
import { settleAll } from './roles.ts';
import type { Raft } from './state.ts';

export function commitTo(raft: Raft, index: number): void {
  if (index <= raft.commit) return;
  const term = raft.log.termOf(index);
  invariant(typeof term === 'number', 'what is not in the log cannot be committed');
  raft.commit = index;
  raft.outbox.trace({ kind: 'commit', index, term });
  settleAll(
    raft,
    raft.waiting.committed({ index, term }, (id, place) => fateOf(raft, id, place)),
  );
}

/**
 * Somebody who knows says that an entry is committed. Where this log has the entry of that place, it has all
 * before it too (log matching, §5.3), and all of it is; where it has not, a message will say it again. A leader
 * is told nothing: it counts.
 */
export function toldCommitted(raft: Raft, { index, term }: Place): void {
  if (raft.role.kind !== 'leader' && raft.log.termOf(index) === term) commitTo(raft, index);
}

/** Of a proposal that a commit has decided: it is in the log, something else is, or nobody here can tell. */
function fateOf({ log, commit }: Raft, id: number, place: Place): Settled {
  if (place.index > commit) return { kind: 'superseded', id };
  const term = log.termOf(place.index);
  if (term === 'compacted') return { kind: 'unknown', id };
  return term === place.term ? { kind: 'committed', id, place } : { kind: 'superseded', id };
}
