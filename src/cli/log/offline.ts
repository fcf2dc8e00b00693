/**
 * The log of a stopped node: read from a clone of its directory, so that nothing in it changes, not even
 * what LevelDB rewrites when it is opened.
 */
import { existsSync } from 'node:fs';
import { Archive } from '../../log/archive.ts';
import { cloneStopped } from '../../log/clone.ts';
import type { GroupId } from '../../log/group.ts';
import { storeDirectory } from '../../log/opening.ts';
import type { SnapshotShelf } from '../../log/snapshot-file.ts';
import type { SnapshotEvidence } from '../../projections/history/evidence.ts';
import { projectionsOf } from '../../projections/registry.ts';
import { CommandFault, EXIT } from '../exit.ts';
import type { LogSource } from './source.ts';

/** Whether a process of this machine lives; this one does not count. */
export function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** @throws CommandFault where the directory is not that of a node */
export function assertLog(directory: string): void {
  if (existsSync(storeDirectory(directory))) return;
  throw new CommandFault(
    EXIT.usage,
    `there is no log in ${directory}; name the directory of a node with --data-dir, or a running node with --url`,
  );
}

export async function openDirectory(directory: string, group: string): Promise<LogSource> {
  assertLog(directory);
  const clone = await cloneStopped(directory, isRunning);
  try {
    return await openClone({ directory, clone: clone.directory, group }, () => clone.dispose());
  } catch (error) {
    await clone.dispose();
    throw error;
  }
}

interface Cloned {
  readonly directory: string;
  readonly clone: string;
  readonly group: string;
}

async function openClone(
  { directory, clone, group }: Cloned,
  dispose: () => Promise<void>,
): Promise<LogSource> {
  const archive = await readableArchive(clone);
  const close = async (): Promise<void> => {
    await archive.close();
    await dispose();
  };
  const id = groupNamed(archive, group);
  const shelf = archive.snapshots(id);
  const snapshots = (await shelf.list()).toReversed().map(({ index, path }) => ({
    index,
    where: path.replace(clone, directory),
    content: () => wholeContent(shelf, index),
  }));
  const evidence = {
    group: id,
    projections: projectionsOf(group),
    ...archive.bounds(id),
    read: (from: number) => archive.read(id, from),
    snapshots: snapshots satisfies readonly SnapshotEvidence[],
  };
  const snapshotIndices = snapshots.map(({ index }) => index);
  const { faults: storeFaults } = archive;
  return { name: directory, evidence, storeFaults, live: undefined, snapshotIndices, close };
}

/** @throws CommandFault with every fault in a line of its own, where nothing can be read at all */
async function readableArchive(clone: string): Promise<Archive> {
  const opened = await Archive.open(clone);
  if (opened.kind === 'archive') return opened.archive;
  const faults = opened.faults.map(
    ({ where, offset, reason }) => `${where}, byte ${offset}: ${reason}`,
  );
  throw new CommandFault(EXIT.corrupt, `the log cannot be read\n${faults.join('\n')}`);
}

function groupNamed(archive: Archive, name: string): GroupId {
  const groups = archive.groups();
  const found = groups.filter(({ id }) => id === name).at(-1);
  // A log that was never written to has no groups yet.
  if (found !== undefined || name === 'main') return found ?? { id: name, incarnation: 0 };
  const known = groups.map(({ id }) => id).join(', ');
  throw new CommandFault(EXIT.usage, `there is no group ${name} in this log; it has: ${known}`);
}

/** A snapshot that is read twice: what is not whole is said so, rather than stumbled over. */
async function* wholeContent(shelf: SnapshotShelf, index: number): AsyncGenerator<Uint8Array> {
  for await (const slice of await shelf.open(index)) void slice;
  yield* await shelf.open(index);
}
