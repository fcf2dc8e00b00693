/** What a disk holds durably of a group, read as recovery would read it: for checkers. */
import { blockOf } from '../../../src/log/block.ts';
import { decodeFloor } from '../../../src/log/floor.ts';
import type { GroupId } from '../../../src/log/group.ts';
import { decodeHardState, type HardState } from '../../../src/log/hard-state.ts';
import { type GroupKeys, groupKeys, groupOfKey, KIND, numbered } from '../../../src/log/keys.ts';
import type { SimulatedDisk } from './disk.ts';

const KEYS = new Map<string, GroupKeys>();

function keysOf(group: GroupId): GroupKeys {
  const name = `${group.id}@${group.incarnation}`;
  const keys = KEYS.get(name) ?? groupKeys(group);
  KEYS.set(name, keys);
  return keys;
}

export function durableHardState(disk: SimulatedDisk, group: GroupId): HardState | undefined {
  const { hardState } = keysOf(group);
  const value = disk.durable(hardState);
  return value === undefined ? undefined : decodeHardState(hardState, value);
}

/** The groups a disk has a hard state of. */
export function groupsOn(disk: SimulatedDisk): readonly GroupId[] {
  return disk.keysOf(KIND.hardState).map((key) => groupOfKey(key).group);
}

/** The entries that survive a power cut at this moment, below which nothing else does. */
export function durableBounds(
  disk: SimulatedDisk,
  group: GroupId,
): { readonly floor: number; readonly last: number } {
  const keys = keysOf(group);
  const value = disk.durable(keys.floor);
  const floor = value === undefined ? 0 : (decodeFloor(keys.floor, value)?.index ?? 0);
  const key = disk.lastKey(numbered(keys.block, 0), numbered(keys.block, Number.MAX_SAFE_INTEGER));
  const block = key === undefined ? undefined : disk.durable(key);
  const last = key === undefined || block === undefined ? 0 : blockOf(key, block).last;
  return { floor, last: Math.max(floor, last) };
}

/** Whether an entry, or a snapshot of it, survives a power cut at this moment. */
export function holdsDurably(disk: SimulatedDisk, group: GroupId, index: number): boolean {
  const { block, floor } = keysOf(group);
  const trimmed = disk.durable(floor);
  if (trimmed !== undefined && (decodeFloor(floor, trimmed)?.index ?? 0) >= index) return true;
  const key = disk.lastKey(numbered(block, 0), numbered(block, index));
  const value = key === undefined ? undefined : disk.durable(key);
  return key !== undefined && value !== undefined && blockOf(key, value).last >= index;
}
