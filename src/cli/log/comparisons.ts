/** What the end of a replay is held against: the node itself, the newest agreed root, the newest snapshot. */
import type { SnapshotEvidence } from '../../projections/history/evidence.ts';
import type { Replayed } from '../../projections/history/replay.ts';
import { differences, rootsBorneOut } from '../../projections/history/verify.ts';
import type { SnapshotRoots } from '../../projections/snapshot.ts';
import type { LogSource } from './source.ts';

export interface Comparison {
  readonly with: string;
  readonly index: number;
  /** What differs: nothing, where both are equal. */
  readonly differs: readonly string[];
}

export async function comparisonsOf(
  source: LogSource,
  replayed: Replayed,
): Promise<readonly Comparison[]> {
  return [
    ...withNode(source, replayed),
    ...withAgreedRoot(replayed),
    ...(await withSnapshot(source, replayed)),
  ];
}

function withNode({ live }: LogSource, { index, state }: Replayed): readonly Comparison[] {
  if (live?.index !== index) return [];
  const differs = live.digest === state.digest ? [] : ['digest'];
  return [{ with: 'the node itself', index, differs }];
}

/** The newest agreed root that speaks of an index at which roots were noted. */
function withAgreedRoot({ agreed, checkpoints }: Replayed): readonly Comparison[] {
  const compared = agreed.flatMap((root) =>
    noted(checkpoints, root.at_index).map((found) => ({
      with: `the root agreed in entry ${root.said_at}`,
      index: root.at_index,
      differs: differences(root, found),
    })),
  );
  return compared.slice(-1);
}

function noted(
  checkpoints: ReadonlyMap<number, SnapshotRoots>,
  index: number,
): readonly SnapshotRoots[] {
  const found = checkpoints.get(index);
  return found === undefined ? [] : [found];
}

/** The newest snapshot the replay came past; the one it began with would be compared with itself. */
async function withSnapshot(
  { evidence }: LogSource,
  { checkpoints, after }: Replayed,
): Promise<readonly Comparison[]> {
  const newest = evidence.snapshots
    .filter(({ index }) => index > after && checkpoints.has(index))
    .at(-1);
  if (newest === undefined) return [];
  const { index } = newest;
  const found = noted(checkpoints, index);
  const differs = await differencesFrom(newest, evidence.projections, found);
  return [{ with: 'the newest snapshot', index, differs }];
}

async function differencesFrom(
  snapshot: SnapshotEvidence,
  projections: LogSource['evidence']['projections'],
  found: readonly SnapshotRoots[],
): Promise<readonly string[]> {
  try {
    const sealed = await rootsBorneOut({ projections }, snapshot);
    return found.flatMap((roots) => differences(sealed, roots));
  } catch (error) {
    return [(error as Error).message];
  }
}
