/** Copies the snapshots that stand on what was salvaged, each checked against its sha-256 on the way. */
import { faultOf } from './fault.ts';
import type { GroupId } from './group.ts';
import type { Salvage } from './salvage.ts';
import { SnapshotShelf } from './snapshot-file.ts';

export interface LeftSnapshot {
  readonly group: GroupId;
  readonly index: number;
  readonly reason: string;
}

/** @returns what was not copied, and why. */
export async function copySnapshots(
  from: string,
  to: string,
  groups: readonly Salvage[],
): Promise<readonly LeftSnapshot[]> {
  const left: LeftSnapshot[] = [];
  for (const salvaged of groups) left.push(...(await copyShelf(from, to, salvaged)));
  return left;
}

async function copyShelf(
  from: string,
  to: string,
  { group, last }: Salvage,
): Promise<readonly LeftSnapshot[]> {
  const source = new SnapshotShelf(from, group);
  const target = new SnapshotShelf(to, group);
  const left: LeftSnapshot[] = [];
  for (const { index } of await source.list()) {
    const reason = index > last ? BEYOND : await copied(source, target, index);
    if (reason !== undefined) left.push({ group, index, reason });
  }
  return left;
}

const BEYOND = 'it stands on entries that were left out';

/** @returns why it was not copied, if it was not */
async function copied(
  source: SnapshotShelf,
  target: SnapshotShelf,
  index: number,
): Promise<string | undefined> {
  const writer = await target.write(index);
  try {
    for await (const slice of await source.open(index)) await writer.write(slice);
    await writer.finish();
    return undefined;
  } catch (error) {
    await writer.abandon();
    return faultOf(error).message;
  }
}
