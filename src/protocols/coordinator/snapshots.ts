/**
 * When a group's state is written to a snapshot file, and how: in slices, between other work.
 *
 * ```
 *  due? ─ no ─▶ wait
 *   │ log bytes since the last ≥ what a snapshot is worth, or the interval passed and ≥ 10 % of that
 *   ▼
 *  cut (references) ─▶ slices, resting between ─▶ file durable ─▶ state_root proposed ─▶ old ones go, log trimmed
 * ```
 */
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { type Retention, retainedFrom } from '../../log/retention.ts';
import type { SnapshotInfo, SnapshotWriter } from '../../log/snapshot-file.ts';
import type { Members } from '../../log/members.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { Machine } from '../../projections/machine.ts';
import {
  cutSnapshot,
  encodeSnapshot,
  restoreSnapshot,
  type SnapshotRoots,
} from '../../projections/snapshot.ts';
import { Restoring } from './restoring.ts';

const MIB = 1024 * 1024;
/** However small a snapshot is, it is not worth less log than this. */
const LOG_BYTES_MIN = 4 * MIB;
/** A row costs more to write than an entry to replay, so a snapshot is worth so many times its size in log, */
const SIZES = 4;
/** as long as that is soon replayed. Beyond it, a snapshot is worth its own size. */
const LOG_BYTES_SOON = 16 * MIB;
/** The share of the byte threshold from which the interval triggers a snapshot. */
const INTERVAL_SHARE = 0.1;
/** How long it rests for the time it worked: a third of a core is the most a snapshot takes. */
const REST_SHARE = 2;
/** So long it rests at once: a timer is not much more exact. */
const REST_MS: Milliseconds = 10;
/** A machine that decides the next commands like the live one is worth three copies. */
const NEWEST_KEPT = 3;

export interface SnapshotsOptions {
  readonly log: Log;
  readonly group: GroupId;
  readonly machine: Machine;
  /** As of an applied index: what is not committed may be taken back. */
  readonly configuration: (at: number) => Members;
  readonly retention: Retention;
  readonly historyBytes: number;
  readonly clock: Clock;
  readonly now: () => number;
  readonly breathe: () => Promise<void>;
  /** Tells the group the roots of a finished snapshot; the leader proposes them. */
  readonly agree: (root: SnapshotRoots & { readonly at_index: number }) => Promise<void>;
  /** What a person should read: a snapshot is damaged, and what takes its place. */
  readonly onError: (error: unknown) => void;
}

export interface SnapshotsStatus {
  readonly taken: number;
  readonly last_index: number;
  readonly last_bytes: number;
  readonly log_bytes_since: number;
  readonly in_progress: boolean;
}

/** Those whose tables are wrong, by their entries. */
export interface WrongSnapshots {
  readonly above: number;
  readonly upTo: number;
}

/** The roots of a finished one, and by which machine. */
interface Taken extends SnapshotRoots {
  readonly at_index: number;
  readonly by: number;
}

export class Snapshots {
  readonly restoring: Restoring;
  readonly #options: SnapshotsOptions;
  #taken = 0;
  #lastIndex = 0;
  #lastBytes = 0;
  #bytesSince = 0;
  #current: Promise<number> | undefined;
  /** What works on the files, one after another. */
  #working: Promise<unknown> = Promise.resolve();
  /** How many machines there were before this one: what was cut from them is not wanted any more. */
  #machines = 0;
  /** Rest that its work has earned, and it has not had. */
  #owed: Milliseconds = 0;
  #stopped = false;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
    this.restoring = new Restoring(options);
  }

  get status(): SnapshotsStatus {
    return {
      taken: this.#taken,
      last_index: this.#lastIndex,
      last_bytes: this.#lastBytes,
      log_bytes_since: this.#bytesSince,
      in_progress: this.#current !== undefined,
    };
  }

  /** Makes the machine what the newest whole snapshot holds. @returns its index, 0 without one. @throws as `Restoring` */
  async restore(fresh: () => Machine): Promise<number> {
    const restored = await this.restoring.newest(fresh);
    if (restored === undefined) return 0;
    this.#options.machine.adopt(restored.machine);
    this.#lastIndex = restored.index;
    this.#lastBytes = restored.bytes;
    return restored.index;
  }

  /** Restores a snapshot that came from a peer, now that the log goes on behind it, into an empty machine. */
  async install(index: number, machine: Machine): Promise<void> {
    const { log, group } = this.#options;
    const shelf = log.snapshots(group);
    await shelf.publish(index);
    const reader = await shelf.open(index);
    this.#lastBytes = reader.bytes;
    await restoreSnapshot(machine, reader);
    this.#lastIndex = index;
    this.#bytesSince = 0;
  }

  /** The tables were wrong, and are others from now on: what was cut from them is given up. */
  distrust(): void {
    this.#machines += 1;
    this.#lastIndex = 0;
  }

  /** What was taken of wrong tables is of no use to a start; one of the right ones is there before it goes. */
  replaceWrong(wrong: WrongSnapshots): Promise<void> {
    return this.#alone(async () => {
      await this.#make().catch(this.#options.onError);
      await this.#discard(wrong);
    });
  }

  /** Where no other could be taken, those stay without which the log leads from nowhere. */
  async #discard({ above, upTo }: WrongSnapshots): Promise<void> {
    const { log, group } = this.#options;
    const shelf = log.snapshots(group);
    const listed = await shelf.list();
    const isWrong = ({ index }: SnapshotInfo): boolean =>
      index > above && index <= upTo && index !== this.#lastIndex;
    const left = listed.filter((snapshot) => !isWrong(snapshot)).map(({ index }) => index);
    if (Math.max(0, ...left) < log.floor(group).index) return;
    for (const { index } of listed.filter(isWrong)) await shelf.discard(index, 'wrong');
  }

  /** Counts the bytes of applied frames. */
  noteApplied(bytes: number): void {
    this.#bytesSince += bytes;
  }

  /** True when enough log has gathered to be worth a snapshot now, without waiting for the interval. */
  get isUrgent(): boolean {
    return this.#bytesSince >= this.#threshold();
  }

  /** Takes a snapshot if the interval finds enough gathered: the run of a loop. */
  async takeIfDue(): Promise<void> {
    if (this.#bytesSince >= this.#threshold() * INTERVAL_SHARE) await this.take();
  }

  /** Takes a snapshot now, or joins the one in progress. @returns its index */
  take(): Promise<number> {
    this.#current ??= this.#attempt();
    return this.#current;
  }

  /** What is in progress is given up at its next slice: the log above the last snapshot is enough. */
  stop(): void {
    this.#stopped = true;
  }

  async #attempt(): Promise<number> {
    try {
      return await this.#take();
    } catch (error) {
      // The next interval tries again; sooner it would only meet the same disk.
      this.#bytesSince = Math.max(this.#bytesSince, this.#threshold() * INTERVAL_SHARE);
      throw error;
    } finally {
      this.#current = undefined;
    }
  }

  #threshold(): number {
    const size = this.#lastBytes;
    return Math.max(LOG_BYTES_MIN, Math.min(SIZES * size, LOG_BYTES_SOON), size);
  }

  async #take(): Promise<number> {
    const by = this.#machines;
    const taken = await this.#alone(() => this.#make());
    // Given up, where its tables were wrong: they are others now.
    if (taken === undefined) return by === this.#machines ? this.#lastIndex : this.#take();
    const { by: _, ...root } = taken;
    await this.#options.agree(root);
    await this.#alone(() => this.#tidy(taken));
    return taken.at_index;
  }

  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#working.then(work);
    this.#working = done.catch(() => undefined);
    return done;
  }

  /** @returns undefined where the newest is of now, or this one was given up */
  async #make(): Promise<Taken | undefined> {
    const by = this.#machines;
    const cut = cutSnapshot(this.#options.machine);
    const { index } = cut.position;
    if (await this.#isThere(index)) return undefined;
    this.#bytesSince = 0;
    const sealed = await this.#write(index, encodeSnapshot(cut, this.#identity(index)));
    if (sealed === undefined || by !== this.#machines) return undefined;
    this.#taken += 1;
    this.#lastIndex = index;
    return { ...sealed, at_index: index, by };
  }

  /** Nothing goes for the sake of one that is not trusted any more. */
  async #tidy({ at_index: index, by }: Taken): Promise<void> {
    if (by !== this.#machines) return;
    const { log, group, historyBytes } = this.#options;
    await log.snapshots(group).keep({ newest: NEWEST_KEPT, historyBytes });
    await this.#trim(index);
  }

  /** Whether it is the newest; and that may have turned out to be damaged, and be gone. */
  async #isThere(index: number): Promise<boolean> {
    if (index !== this.#lastIndex) return false;
    const { log, group } = this.#options;
    const listed = await log.snapshots(group).list();
    return listed.some((snapshot) => snapshot.index === index);
  }

  #identity(index: number): Parameters<typeof encodeSnapshot>[1] {
    const { group, configuration } = this.#options;
    const { id, incarnation } = group;
    return { group: id, incarnation, configuration: configuration(index) };
  }

  /** @returns undefined where it was given up meanwhile; nothing is left of it then */
  async #write(
    index: number,
    slices: Generator<Buffer, SnapshotRoots>,
  ): Promise<SnapshotRoots | undefined> {
    const { log, group } = this.#options;
    const writer = await log.snapshots(group).write(index);
    try {
      const sealed = await this.#encode(writer, slices);
      if (sealed === undefined) await writer.abandon();
      else await this.#finish(writer);
      return sealed;
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  }

  async #encode(
    writer: SnapshotWriter,
    slices: Generator<Buffer, SnapshotRoots>,
  ): Promise<SnapshotRoots | undefined> {
    const by = this.#machines;
    while (!this.#stopped && by === this.#machines) {
      const began = this.#options.clock.monotonic();
      const step = slices.next();
      if (step.done === true) return step.value;
      await writer.write(step.value);
      await this.#rest(this.#options.clock.monotonic() - began);
    }
    return undefined;
  }

  async #finish(writer: SnapshotWriter): Promise<void> {
    // What the snapshot stands on must be on disk before it is: outcome pages ride unsynced.
    await this.#options.log.flush();
    this.#lastBytes = (await writer.finish()).bytes;
  }

  /** A snapshot is in no hurry: it leaves most of the time to those who wait for answers. */
  async #rest(spent: Milliseconds): Promise<void> {
    await this.#options.breathe();
    this.#owed += spent * REST_SHARE;
    if (this.#owed < REST_MS) return;
    const owed = this.#owed;
    this.#owed = 0;
    await new Promise<void>((resolve) => void this.#options.clock.after(owed, resolve));
  }

  async #trim(snapshotIndex: number): Promise<void> {
    const { log, group, retention, now } = this.#options;
    const from = await retainedFrom({ log, group, retention, now: now(), snapshotIndex });
    if (from > log.bounds(group).first) await log.trim(group, from - 1);
  }
}
