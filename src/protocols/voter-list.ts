/**
 * Whether the voters that a node's settings name are those of the log. The settings count for the founding of
 * a cluster only; afterwards the log says who votes, and a list that differs misleads whoever reads it, or
 * founds another cluster with it on emptied disks.
 */
import { createHash } from 'node:crypto';

const HASH_DIGITS = 16;

export interface VoterConfig {
  /** By the settings, ascending. */
  readonly said: readonly string[];
  /** By the newest committed members in the log, ascending. */
  readonly committed: readonly string[];
  /** Of the lists, so that those of many nodes are compared at a glance. */
  readonly said_hash: string;
  readonly committed_hash: string;
  readonly matches: boolean;
}

export function voterConfig(
  saidInAnyOrder: readonly string[],
  committedInAnyOrder: readonly string[],
): VoterConfig {
  const said = [...saidInAnyOrder].sort();
  const committed = [...committedInAnyOrder].sort();
  const [said_hash, committed_hash] = [hashOf(said), hashOf(committed)];
  return { said, committed, said_hash, committed_hash, matches: said_hash === committed_hash };
}

function hashOf(ids: readonly string[]): string {
  return createHash('sha256').update(ids.join('\n')).digest('hex').slice(0, HASH_DIGITS);
}
