/**
 * What the core wants on the disk, put into the log: in order, in the same batches as everything else.
 *
 * ```
 *  snapshot ─▶ truncate ─▶ hard state, with the members ─▶ entries ─▶ durable
 * ```
 *
 * The members travel with the hard state, so that a start knows them without reading the log: those last
 * committed and every change above.
 */
import { sealFrame, stampOf } from '../../log/frame.ts';
import type { GroupId } from '../../log/group.ts';
import type { HardState } from '../../log/hard-state.ts';
import type { Log } from '../../log/log.ts';
import type { Members, MembersAt } from '../../log/members.ts';
import type { LogTime } from '../log-time.ts';
import type { Entry } from './core/entry.ts';
import type { Write } from './core/input.ts';
import { isSealed } from './frames.ts';

export interface WritingOptions {
  readonly log: Log;
  readonly group: GroupId;
  readonly time: LogTime;
  readonly hard: HardState;
}

export class Writing {
  readonly #options: WritingOptions;
  #hard: HardState;
  /** Everything handed over so far. */
  #durable: Promise<void> = Promise.resolve();

  constructor(options: WritingOptions) {
    this.#options = options;
    this.#hard = options.hard;
  }

  /** Who takes part, as far as it is written: the last of them is in force. */
  get members(): readonly MembersAt[] {
    return this.#hard.members;
  }

  /** The members a new cluster begins with; they are on the disk already. */
  found(configuration: Members): void {
    this.#hard = { ...this.#hard, members: [{ index: 0, configuration }] };
  }

  /** @returns what resolves when this write, and all before it, are on the disk */
  put(write: Write, committed: number): Promise<void> {
    this.#replaceLog(write);
    this.#saveHardState(write, committed);
    if (write.entries.length > 0) this.#append(write.entries);
    return this.#durable;
  }

  #replaceLog({ snapshot, truncate_from }: Write): void {
    const { log, group } = this.#options;
    if (snapshot !== undefined) {
      const { index, term } = snapshot;
      this.#durable = log.startAfter(group, { index, term });
    }
    if (truncate_from !== undefined) this.#durable = log.truncate(group, truncate_from);
  }

  #saveHardState(write: Write, committed: number): void {
    const members = membersAfter(this.#hard.members, write, committed);
    if (write.hard === undefined && members === this.#hard.members) return;
    this.#hard = { ...this.#hard, ...write.hard, members };
    this.#durable = this.#options.log.saveHardState(this.#options.group, this.#hard);
  }

  /** What others sealed, and then what this node appended itself. */
  #append(entries: readonly Entry[]): void {
    const { log, group, time } = this.#options;
    const frames = entries.map(({ frame }) => frame as Buffer);
    const unsealed = frames.findIndex((frame) => !isSealed(frame));
    const own = unsealed === -1 ? frames.length : unsealed;
    if (own > 0) time.resume(stampOf(frames[own - 1] as Buffer));
    seal(entries.slice(own), time);
    // What has its place was admitted when it was proposed, or by its leader.
    this.#durable = log.appendAll(group, frames, 'control');
  }
}

/** What was appended in one turn has one stamp. */
function seal(entries: readonly Entry[], time: LogTime): void {
  const last = entries.at(-1);
  if (last === undefined) return;
  const at = time.stamp(last.term);
  for (const { index, term, frame } of entries)
    if (!isSealed(frame as Buffer)) sealFrame(frame as Buffer, { index, term, at });
}

/** The same list where the write changes nothing about the members. */
function membersAfter(
  members: readonly MembersAt[],
  write: Write,
  committed: number,
): readonly MembersAt[] {
  const kept = keptMembers(members, write);
  const appended = write.entries.filter(({ configuration }) => configuration !== undefined);
  if (kept === members && appended.length === 0) return members;
  const changes = appended.map(({ index, configuration }) => ({ index, configuration }));
  return sinceCommitted([...kept, ...(changes as MembersAt[])], committed);
}

function keptMembers(
  members: readonly MembersAt[],
  { snapshot, truncate_from = Number.POSITIVE_INFINITY }: Write,
): readonly MembersAt[] {
  if (snapshot !== undefined)
    return [{ index: snapshot.index, configuration: snapshot.configuration }];
  return members.some(({ index }) => index >= truncate_from)
    ? members.filter(({ index }) => index < truncate_from)
    : members;
}

/** The last that is committed, and what may still be taken back. */
function sinceCommitted(members: readonly MembersAt[], committed: number): readonly MembersAt[] {
  const base = members.findLastIndex(({ index }) => index <= committed);
  return members.slice(Math.max(base, 0));
}
