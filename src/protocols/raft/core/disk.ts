/**
 * What the disk holds, and what waits for it. Writes are strictly ordered by number; several may be under
 * way. A message that promises something leaves only after the write it rests upon.
 *
 * ```
 *   appended ──▶ in a write, under way ──▶ on the disk
 *   last         issued                    persisted
 *
 *   promise ─┬─ rests on the next write          ──▶ its `then`
 *            ├─ rests on one under way           ──▶ held here, until `persisted(seq)`
 *            └─ rests on what is on the disk     ──▶ leaves now
 * ```
 *
 * A truncation clips what earlier writes may prove: the entry they hold at an index is not the one the
 * log has there now, even if the index is the same.
 */
import { invariant } from './bug.ts';
import type { HardState, Write } from './input.ts';
import type { RaftLog } from './log.ts';
import type { Message, SnapshotPlace } from './messages.ts';

/** Answers that wait for writes under way; above it the oldest is dropped, and its asker asks again. */
const HELD_MAX = 1024;

const NONE: readonly Write[] = Object.freeze([]);

interface UnderWay {
  readonly seq: number;
  /** The log is on the disk up to here once this write is. */
  proves: number;
}

interface Held {
  readonly seq: number;
  readonly message: Message;
}

export class Disk {
  /** The log is on the disk up to here. */
  persisted: number;
  #failed = false;
  #issued: number;
  #seq = 0;
  #done = 0;
  /** The newest write that holds a term or a vote. */
  #hardSeq = 0;
  #underWay: UnderWay[] = [];
  #waitingSince = 0;
  #held: Held[] = [];
  #then: Message[] = [];
  #hardChanged = false;
  #truncateFrom: number | undefined;
  #snapshot: SnapshotPlace | undefined;

  constructor(last: number) {
    this.persisted = last;
    this.#issued = last;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /**
   * Up to where others may be sent a log that ends at `last`: a disk that failed was never given what came after, so
   * that is not an entry yet.
   */
  sendable(last: number): number {
    return this.#failed ? Math.min(last, this.#issued) : last;
  }

  /** The number of the write that will hold what changes now. */
  get nextSeq(): number {
    return this.#seq + 1;
  }

  get writesUnderWay(): number {
    return this.#underWay.length;
  }

  /** Writes are under way, and none has ended for longer than patience lasts. */
  isStalled(now: number, patience: number): boolean {
    return this.#underWay.length > 0 && now - this.#waitingSince > patience;
  }

  /** Term or vote changed: they precede everything else of the next write. */
  changeHardState(): void {
    this.#hardChanged = true;
  }

  truncate(from: number): void {
    if (from > this.#issued) return;
    this.#truncateFrom = Math.min(from, this.#truncateFrom ?? from);
    this.#issued = from - 1;
    this.#clip(from - 1);
  }

  /** @param known what of the old log is also in the snapshot */
  replace(snapshot: SnapshotPlace, known: number): void {
    this.#snapshot = snapshot;
    this.#truncateFrom = undefined;
    this.#issued = snapshot.index;
    this.#clip(known);
  }

  /** Ready to leave when term and vote are on the disk. @returns whether they are now */
  answer(message: Message): boolean {
    return this.#rest(message, this.#hardChanged ? this.nextSeq : this.#hardSeq);
  }

  /** Ready to leave when everything up to now is on the disk. @returns whether it is now */
  promise(message: Message, log: RaftLog): boolean {
    return this.#rest(message, this.#hasNews(log) ? this.nextSeq : this.#seq);
  }

  /** The next write, with all that changed since the last one; none, when nothing did. */
  write(log: RaftLog, hard: HardState, now: number): readonly Write[] {
    if (this.#failed || !this.#hasNews(log)) return NONE;
    if (this.#underWay.length === 0) this.#waitingSince = now;
    const write = this.#next(log, hard);
    this.#underWay.push({ seq: write.seq, proves: log.last.index });
    this.#beginAnew(write);
    return [write];
  }

  /** @returns the messages that rested on what is on the disk now */
  complete(seq: number, now: number): readonly Message[] {
    invariant(seq <= this.#seq, 'a write that was never asked for cannot be on the disk');
    for (const { proves } of this.#underWay.filter((write) => write.seq <= seq))
      this.persisted = Math.max(this.persisted, proves);
    this.#underWay = this.#underWay.filter((write) => write.seq > seq);
    this.#done = Math.max(this.#done, seq);
    this.#waitingSince = now;
    return this.#release();
  }

  /** Nothing that waits will ever leave, and nothing more is written. */
  fail(): void {
    this.#failed = true;
    this.#held = [];
    this.#then = [];
  }

  #next(log: RaftLog, hard: HardState): Write {
    return {
      seq: this.nextSeq,
      hard: this.#hardChanged ? hard : undefined,
      snapshot: this.#snapshot,
      truncate_from: this.#truncateFrom,
      entries: log.after(this.#issued),
      then: this.#then,
    };
  }

  #hasNews(log: RaftLog): boolean {
    return this.#hardChanged || this.#snapshot !== undefined || this.#logDiffers(log);
  }

  #logDiffers(log: RaftLog): boolean {
    return this.#truncateFrom !== undefined || log.last.index > this.#issued;
  }

  #rest(message: Message, seq: number): boolean {
    if (this.#failed) return false;
    if (seq <= this.#done) return true;
    if (seq > this.#seq) this.#then.push(message);
    else this.#hold({ seq, message });
    return false;
  }

  #hold(held: Held): void {
    this.#held.push(held);
    if (this.#held.length > HELD_MAX) this.#held.shift();
  }

  #release(): readonly Message[] {
    if (this.#held.length === 0) return [];
    const free = this.#held.filter(({ seq }) => seq <= this.#done);
    this.#held = this.#held.filter(({ seq }) => seq > this.#done);
    return free.map(({ message }) => message);
  }

  #clip(index: number): void {
    this.persisted = Math.min(this.persisted, index);
    for (const write of this.#underWay) write.proves = Math.min(write.proves, index);
  }

  #beginAnew({ seq, hard, entries }: Write): void {
    this.#seq = seq;
    this.#issued += entries.length;
    if (hard !== undefined) this.#hardSeq = seq;
    this.#hardChanged = false;
    this.#truncateFrom = undefined;
    this.#snapshot = undefined;
    this.#then = [];
  }
}
