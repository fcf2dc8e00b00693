/**
 * What the node knows of one group's log without asking the disk.
 *
 * ```
 *   trimmed   │ readable                       │ waiting for the disk
 *  ───────────┼────────────────┬───────────────┼───────────────────────
 *           floor          committed        durable                  tail
 * ```
 *
 * `committed` is the engine's word and may run ahead of `durable` (a quorum without this node); readers
 * stop at whichever comes first. Only the writer moves `floor` and `durable`.
 */
import assert from 'node:assert/strict';
import { type Position, ORIGIN } from './floor.ts';
import { indexOf, termOf } from './frame.ts';
import type { GroupId } from './group.ts';
import type { HardState } from './hard-state.ts';
import { type GroupKeys, groupKeys } from './keys.ts';
import { RecentBlocks } from './window.ts';

export class GroupLog {
  readonly id: GroupId;
  readonly keys: GroupKeys;
  readonly recent = new RecentBlocks();
  floor: Position = ORIGIN;
  durable: Position = ORIGIN;
  tail: Position = ORIGIN;
  committed = 0;
  hardState: HardState | undefined;
  /** Checksum of the stored hard state; 0 when there is none. */
  hardStateSum = 0;

  constructor(id: GroupId) {
    this.id = id;
    this.keys = groupKeys(id);
  }

  /** The tail moves behind these. */
  extend(frames: readonly Buffer[]): void {
    let { index, term } = this.tail;
    for (const frame of frames) {
      const next = termOf(frame);
      assert(indexOf(frame) === index + 1, 'an appended entry has the next index');
      assert(next >= term, 'terms never fall within a log');
      index += 1;
      term = next;
    }
    this.tail = { index, term };
  }

  /** Whether this entry is on the disk and was not trimmed. */
  holds(index: number): boolean {
    return index > this.floor.index && index <= this.durable.index;
  }

  /** The last index a reader may see. */
  get readable(): number {
    return Math.min(this.committed, this.durable.index);
  }
}

/** All groups of the node, found by id and incarnation without building a string. */
export class GroupLogs {
  readonly #byId = new Map<string, Map<number, GroupLog>>();

  /** The log of a group, empty if it was never seen. */
  of(id: GroupId): GroupLog {
    const known = this.find(id);
    if (known !== undefined) return known;
    const log = new GroupLog(id);
    this.#incarnations(id.id).set(id.incarnation, log);
    return log;
  }

  find(id: GroupId): GroupLog | undefined {
    return this.#byId.get(id.id)?.get(id.incarnation);
  }

  remove(id: GroupId): void {
    const incarnations = this.#incarnations(id.id);
    incarnations.delete(id.incarnation);
    if (incarnations.size === 0) this.#byId.delete(id.id);
  }

  *all(): Generator<GroupLog> {
    for (const incarnations of this.#byId.values()) yield* incarnations.values();
  }

  #incarnations(id: string): Map<number, GroupLog> {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const fresh = new Map<number, GroupLog>();
    this.#byId.set(id, fresh);
    return fresh;
  }
}
