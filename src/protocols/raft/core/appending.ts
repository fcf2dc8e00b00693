/** A leader appends to its own log, and only appends (§5.3, leader append-only). */
import { membersOf, type Configuration, type Member } from './configuration.ts';
import type { Entry } from './entry.ts';
import type { Refusal } from './input.ts';
import { Progress } from './progress.ts';
import { configurationOf, type Leader, type Raft } from './state.ts';

export function appendOwn(
  raft: Raft,
  leader: Leader,
  frame: Uint8Array,
  configuration?: Configuration,
): Entry {
  const index = raft.log.last.index + 1;
  const entry: Entry = { term: raft.term, index, frame, configuration };
  leader.idleBeats = 0;
  raft.log.append(entry);
  if (configuration !== undefined) {
    putInForce(raft, index, configuration);
    followMembers(raft, leader, index);
  }
  return entry;
}

/** Why a leader takes nothing that must be written. */
export function unfitness({ disk, now, options }: Raft, leader: Leader): Refusal | undefined {
  if (disk.failed || disk.isStalled(now, options.timing.disk_patience)) return 'disk_failed';
  return leader.transfer === undefined ? undefined : 'transferring';
}

/** In force from here on, committed or not (§6). */
export function putInForce(raft: Raft, index: number, configuration: Configuration): void {
  raft.history.append({ index, configuration });
  raft.outbox.trace({ kind: 'configuration', index, configuration });
}

/**
 * Everybody in the configuration is sent entries, from `next` on at first; nobody else is. Fewer voters may
 * mean that more is committed.
 */
export function followMembers(raft: Raft, leader: Leader, next: number): void {
  const members = membersOf(configurationOf(raft));
  for (const id of leader.progress.keys()) if (!members.has(id)) leader.progress.delete(id);
  for (const member of members.values()) followMember(raft, leader, member, next);
  leader.recount = true;
}

function followMember(raft: Raft, { progress }: Leader, { id, store }: Member, next: number): void {
  if (id === raft.id || progress.get(id)?.store === store) return;
  progress.set(id, new Progress(store, next, raft.now));
}
