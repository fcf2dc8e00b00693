/**
 * Machines as snapshots on the disk have them: what a group begins with, and what is decided again from.
 *
 * ```
 *  newest whole snapshot ── the log goes on from there ─▶ a start
 *    │ damaged                └ it begins later, or ends before: damaged, since entries are missing
 *    ▼
 *  the next older one, or none and the whole log
 * ```
 */
import { damaged, isDamage, LogFault } from '../../log/fault.ts';
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import type { SnapshotInfo } from '../../log/snapshot-file.ts';
import type { Machine } from '../../projections/machine.ts';
import { restoreSnapshot } from '../../projections/snapshot.ts';

/** Of wrong tables there are one or two before somebody looks; with each that is tried, more is decided again. */
const BASES_MAX = 3;

export interface RestoringOptions {
  readonly log: Log;
  readonly group: GroupId;
  /** What a person should read: a snapshot is damaged, and what takes its place. */
  readonly onError: (error: unknown) => void;
}

/** A snapshot as a machine that has become what it holds. */
export interface RestoredSnapshot extends SnapshotInfo {
  readonly machine: Machine;
}

export class Restoring {
  readonly #options: RestoringOptions;

  constructor(options: RestoringOptions) {
    this.#options = options;
  }

  /**
   * What a start goes on from; undefined where that is the whole log.
   * @throws LogFault `damaged` where entries are missing before or behind it
   */
  async newest(fresh: () => Machine): Promise<RestoredSnapshot | undefined> {
    const { log, group } = this.#options;
    const listed = await log.snapshots(group).settleHeld(log.floor(group).index);
    if (listed[0] !== undefined) this.#assertLogReaches(listed[0].index);
    const restored = await this.#newestWhole(listed, fresh);
    this.#assertLogGoesOnFrom(restored?.index ?? 0);
    return restored;
  }

  /** A machine as the newest whole snapshot of an index below `below` has it: an empty one without any. */
  async below(below: number, fresh: () => Machine): Promise<Machine> {
    const { log, group } = this.#options;
    const listed = await log.snapshots(group).list();
    const older = listed.filter(({ index }) => index < below);
    return (await this.#newestWhole(older, fresh))?.machine ?? fresh();
  }

  /** From which entries on the log can be decided again up to `index`: newest first, 0 for the first of all. */
  async bases(index: number): Promise<readonly number[]> {
    const { log, group } = this.#options;
    const listed = await log.snapshots(group).list();
    const { index: floor } = log.floor(group);
    const bases = [...listed.map((snapshot) => snapshot.index), 0];
    return bases.filter((base) => base >= floor && base <= index).slice(0, BASES_MAX);
  }

  /** A machine as one of these has it; undefined where the disk has damaged that, which is told. */
  async at(base: number, fresh: () => Machine): Promise<Machine | undefined> {
    const { log, group, onError } = this.#options;
    const machine = fresh();
    if (base === 0) return machine;
    try {
      await restoreSnapshot(machine, await log.snapshots(group).open(base));
      return machine;
    } catch (error) {
      if (!isDamage(error)) throw error;
      onError(error);
      return undefined;
    }
  }

  /** One that is damaged is passed over: an older one, with more of the log, leads to the same. */
  async #newestWhole(
    newestFirst: readonly SnapshotInfo[],
    fresh: () => Machine,
  ): Promise<RestoredSnapshot | undefined> {
    const instead = [...newestFirst.slice(1).map(({ index }) => index), 0];
    for (const [place, snapshot] of newestFirst.entries()) {
      const machine = fresh();
      if (await this.#isRestored(snapshot, machine, instead[place] as number))
        return { ...snapshot, machine };
    }
    return undefined;
  }

  async #isRestored(snapshot: SnapshotInfo, machine: Machine, instead: number): Promise<boolean> {
    const { log, group } = this.#options;
    try {
      await restoreSnapshot(machine, await log.snapshots(group).open(snapshot.index));
      return true;
    } catch (error) {
      await this.#passOver(error, snapshot, instead);
      return false;
    }
  }

  /** @param from where it would be begun instead. @throws the error, where it is not damage, or the log begins later */
  async #passOver(error: unknown, { index }: SnapshotInfo, from: number): Promise<void> {
    if (!isDamage(error)) throw error;
    const { log, group, onError } = this.#options;
    const floor = log.floor(group).index;
    if (from < floor)
      throw new LogFault(
        'damaged',
        `${error.message}, and nothing older will do: the log begins after entry ${floor}`,
        { cause: error },
      );
    const path = await log.snapshots(group).discard(index, 'damaged');
    const instead = from === 0 ? 'the whole log' : `the snapshot of entry ${from} and the log`;
    onError(new Error(`${error.message}: it is kept as ${path}, and ${instead} take its place`));
  }

  /** A snapshot is finished only when the log it stands on is on the disk: a shorter log has lost entries. */
  #assertLogReaches(index: number): void {
    const { last } = this.#options.log.bounds(this.#options.group);
    if (last >= index) return;
    throw damaged(
      `the log of group ${this.#options.group.id} ends at entry ${last}, but there is a snapshot of entry ${index}: ` +
        'acknowledged entries are missing',
    );
  }

  /** What would have led to where the log begins is gone: nothing here says what those entries said. */
  #assertLogGoesOnFrom(index: number): void {
    const { log, group } = this.#options;
    const floor = log.floor(group).index;
    if (index >= floor) return;
    const instead =
      index === 0 ? 'there is no snapshot' : `the newest snapshot is of entry ${index}`;
    throw new LogFault(
      'damaged',
      `the log of group ${group.id} begins after entry ${floor}, but ${instead}: nothing here says what lies between`,
    );
  }
}
