/**
 * What a member of a group must never forget: its term, its vote, and who the members are: those last
 * known to be committed, and every change above them that the log holds. Saved before any message that
 * depends on it leaves the node.
 *
 * ```
 * key    h/[group]
 * value  [4: crc32 of key ‖ rest][MessagePack map {term, vote, commit, members: [{index, configuration}]}]
 * ```
 */
import { packr } from './command.ts';
import type { MembersAt } from './members.ts';
import { sealed, unseal } from './sealed-value.ts';

export interface HardState {
  readonly term: number;
  /** Who got this node's vote in `term`; empty when nobody did. */
  readonly vote: string;
  /** A hint: the commit index when this was saved. */
  readonly commit: number;
  readonly members: readonly MembersAt[];
}

export function encodeHardState(key: Buffer, state: HardState): Buffer {
  const { term, vote, commit, members } = state;
  return sealed(key, packr.pack({ term, vote, commit, members }));
}

/** @returns nothing where the value is not what was written under this key. */
export function decodeHardState(key: Buffer, value: Buffer): HardState | undefined {
  const payload = unseal(key, value);
  return payload === undefined ? undefined : (packr.unpack(payload) as HardState);
}
