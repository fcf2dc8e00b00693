/**
 * A clone of a stopped node's data directory, for tools that look at a log. Opening LevelDB changes its
 * files, and evidence is not to be changed: so tools work on a clone. Table files and snapshots, which
 * are never written again, are hard-linked; the rest is copied; LOCK stays behind.
 */
import { copyFile, link, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isAbsence, namesIn } from './directory.ts';
import { faultOf, LogFault } from './fault.ts';
import { snapshotDirectory, storeDirectory } from './opening.ts';

/** The file a running node leaves in its data directory: who it is and where it listens. */
export const NODE_FILE = 'node.json';

export interface Clone {
  /** Laid out as a data directory. */
  readonly directory: string;
  /** Removes the clone; what is linked stays in the original. */
  dispose(): Promise<void>;
}

/** Says whether a process of this machine is alive. */
export type IsRunning = (pid: number) => boolean;

/** @throws LogFault `in-use`, naming the address of the node, where it is running. */
export async function cloneStopped(directory: string, isRunning: IsRunning): Promise<Clone> {
  await assertStopped(directory, isRunning);
  const clone = await emptyBeside(directory);
  try {
    await cloneInto(storeDirectory(directory), storeDirectory(clone));
    await cloneShelves(snapshotDirectory(directory), snapshotDirectory(clone));
  } catch (error) {
    await removeAll(clone);
    throw faultOf(error);
  }
  return { directory: clone, dispose: () => removeAll(clone) };
}

function removeAll(directory: string): Promise<void> {
  return rm(directory, { recursive: true, force: true });
}

export interface RunningNode {
  readonly pid: number;
  readonly url: string;
}

async function assertStopped(directory: string, isRunning: IsRunning): Promise<void> {
  const node = await nodeFile(directory);
  if (node === undefined || !isRunning(node.pid)) return;
  throw new LogFault(
    'in-use',
    `the node of ${directory} is running as process ${node.pid}; ask it at ${node.url}, or stop it first`,
  );
}

/** Who says that it uses the directory; a node that was killed still does. */
export async function nodeFile(directory: string): Promise<RunningNode | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, NODE_FILE), 'utf8')) as RunningNode;
  } catch (error) {
    // A file cut off by a crash says as little as none.
    if (isAbsence(error) || error instanceof SyntaxError) return undefined;
    throw faultOf(error);
  }
}

/** Beside the original, where links are possible; where nothing may be written there, among temporary files. */
async function emptyBeside(directory: string): Promise<string> {
  const prefix = `${basename(directory)}.clone-`;
  try {
    return await mkdtemp(join(dirname(directory), prefix));
  } catch {
    return mkdtemp(join(tmpdir(), prefix));
  }
}

async function cloneShelves(from: string, to: string): Promise<void> {
  for (const shelf of await namesIn(from)) await cloneInto(join(from, shelf), join(to, shelf));
}

async function cloneInto(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await namesIn(from)) await cloneFile(name, join(from, name), join(to, name));
}

/** Files that are never written again once they are there. */
const FINISHED = /\.(ldb|sst|snapshot)$/;

async function cloneFile(name: string, from: string, to: string): Promise<void> {
  if (name === 'LOCK') return;
  if (!FINISHED.test(name)) return copyFile(from, to);
  // Another file system, or one without links: a copy costs only time and space.
  await link(from, to).catch(() => copyFile(from, to));
}
