/**
 * What a member of a group must never forget: its term, its vote, and who the members are. Saved before
 * any message that depends on it leaves the node.
 *
 * ```
 * key    h/[group]
 * value  [4: crc32 of key ‖ rest][MessagePack map {term, vote, commit, configuration: {voters, learners}}]
 * ```
 */
import { packr } from './command.ts';
import { sealed, unseal } from './sealed-value.ts';

export interface HardState {
  readonly term: number;
  /** Who got this node's vote in `term`; empty when nobody did. */
  readonly vote: string;
  /** A hint: the commit index when this was saved. */
  readonly commit: number;
  readonly configuration: {
    readonly voters: readonly string[];
    readonly learners: readonly string[];
  };
}

export function encodeHardState(key: Buffer, state: HardState): Buffer {
  const { term, vote, commit, configuration } = state;
  const { voters, learners } = configuration;
  return sealed(key, packr.pack({ term, vote, commit, configuration: { voters, learners } }));
}

/** @returns nothing where the value is not what was written under this key. */
export function decodeHardState(key: Buffer, value: Buffer): HardState | undefined {
  const payload = unseal(key, value);
  return payload === undefined ? undefined : (packr.unpack(payload) as HardState);
}
