/**
 * Putting a damaged store aside, so that its node can begin a new one and its evidence stays.
 *
 * ```
 *   data/                               data/
 *     log/  snapshots/                    damaged-<time>/  log/  snapshots/  damage.json
 *     damage.json  ◀─ 1. marked     ──▶                                   ▲
 *                                          2. snapshots, the log, the mark, in this order
 * ```
 *
 * A store that is marked is read as a whole before it is believed again (`examining.ts`), or goes aside: so a
 * crash in between is followed by another start that goes on, and a run that stumbles over damage which a
 * start does not look for leaves it to its successor. One that is marked for certain is not read: nothing would
 * be found in it. What lies aside is laid out as a data directory, for
 * `quorate log`.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsence, namesIn, syncDirectory } from './directory.ts';
import { faultOf, LogFault } from './fault.ts';
import { snapshotDirectory, storeDirectory } from './opening.ts';
import type { Milliseconds } from './time.ts';

/** In a data directory: the store is damaged. Aside: why it is there. */
export const DAMAGE_FILE = 'damage.json';

/** A disk that damaged so many stores is not given another: somebody has to look at it, and make room. */
export const SET_ASIDE_MAX = 3;

export interface Damage {
  readonly found_at: Milliseconds;
  readonly reason: string;
  /** Its bytes are those that were written, and what follows from them here is wrong all the same. */
  readonly certain?: boolean;
}

export interface SetAside extends Damage {
  readonly directory: string;
}

/** Says, for the next start, that the store is damaged. What was said first stays. Durable when it resolves. */
export async function markDamaged(directory: string, damage: Damage): Promise<void> {
  if ((await damageIn(directory)) !== undefined) return;
  await writeFile(join(directory, DAMAGE_FILE), `${JSON.stringify(damage)}\n`, { flush: true });
  await syncDirectory(directory);
}

/** What is known to be wrong with the store of a data directory, before it is opened. */
export async function damageIn(directory: string): Promise<Damage | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, DAMAGE_FILE), 'utf8')) as Damage;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    // Cut off by a crash, it still says that there was something to say.
    if (error instanceof SyntaxError) return { found_at: 0, reason: 'the store is damaged' };
    throw faultOf(error);
  }
}

/** It was looked at again, and nothing was found. */
export async function unmark(directory: string): Promise<void> {
  await rm(join(directory, DAMAGE_FILE), { force: true });
  await syncDirectory(directory);
}

/**
 * Moves a store that is marked out of the way. @returns where it is now
 * @throws LogFault `damaged` where too many lie aside already
 */
export async function setAside(directory: string): Promise<string> {
  const damage = await damageIn(directory);
  if (damage === undefined) throw new Error(`${directory} is not marked as damaged`);
  const aside = await placeAside(directory, damage);
  for (const part of [snapshotDirectory, storeDirectory]) await move(part(directory), part(aside));
  await syncDirectory(aside);
  await move(join(directory, DAMAGE_FILE), join(aside, DAMAGE_FILE));
  await syncDirectory(directory);
  return aside;
}

/** The stores that lie aside, oldest first. */
export async function allSetAside(directory: string): Promise<readonly SetAside[]> {
  const found: SetAside[] = [];
  for (const name of await namesAside(directory)) {
    const aside = join(directory, name);
    const damage = (await damageIn(aside)) ?? { found_at: 0, reason: 'it was being put aside' };
    found.push({ directory: aside, ...damage });
  }
  return found;
}

const ASIDE = /^damaged-/;

async function namesAside(directory: string): Promise<readonly string[]> {
  return (await namesIn(directory)).filter((name) => ASIDE.test(name)).sort();
}

async function placeAside(directory: string, { found_at }: Damage): Promise<string> {
  const names = await namesAside(directory);
  if (names.length >= SET_ASIDE_MAX)
    throw new LogFault(
      'damaged',
      `${names.length} damaged stores lie aside already, the newest as ${names.at(-1)}; ` +
        'look at the disk, remove them, then start the node again',
    );
  const time = new Date(found_at).toISOString().replaceAll(':', '-');
  const aside = join(directory, `damaged-${time}-${names.length + 1}`);
  await mkdir(aside, { recursive: true });
  await syncDirectory(directory);
  return aside;
}

/** What a crash has let through already is not there any more. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!isAbsence(error)) throw faultOf(error);
  }
}
