/**
 * The log of a running node, as it serves it: stored frames and outcomes, read in parts up to where the
 * node stood when the audit began.
 */
import type { Sighting } from '../../log/sighting.ts';
import { projectionsOf } from '../../projections/registry.ts';
import type { NodeAddress } from '../node-address.ts';
import { sightAnswer } from './recorded-bytes.ts';
import type { LogSource } from './source.ts';

/** Entries asked for at once: the most a node gives. */
const PART_ENTRIES = 1_000;

interface LogStats {
  readonly oldest: number;
  readonly applied: number;
  readonly digest: string;
  readonly snapshots: { readonly last_index: number };
}

export async function openNode(address: NodeAddress, group: string): Promise<LogSource> {
  const path = `/v1/groups/${encodeURIComponent(group)}/log`;
  const stats = (await address.json(`${path}/stats`)) as unknown as LogStats;
  const { oldest: first, applied: last, digest, snapshots } = stats;
  const evidence = {
    group: { id: group, incarnation: 0 },
    projections: projectionsOf(group),
    first,
    last,
    read: (from: number) => parts(address, path, { from, last }),
    snapshots: [],
  };
  return {
    name: address.url,
    evidence,
    storeFaults: [],
    live: { index: last, digest },
    snapshotIndices: snapshots.last_index === 0 ? [] : [snapshots.last_index],
    close: () => Promise.resolve(),
  };
}

async function* parts(
  address: NodeAddress,
  path: string,
  { from, last }: { readonly from: number; readonly last: number },
): AsyncGenerator<readonly Sighting[]> {
  for (let next = from; next <= last;) {
    const limit = Math.min(PART_ENTRIES, last - next + 1);
    const bytes = await address.bytes(`${path}?after=${next - 1}&limit=${limit}`);
    const part = [...sightAnswer({ bytes, where: `answer after ${next - 1}`, index: next })];
    yield part;
    // An answer that ends too soon: what follows is reported as missing.
    if (part.length === 0) return;
    next += part.length;
  }
}
