/**
 * A group: one log, one engine, one machine, and what keeps them going.
 *
 * ```
 *  propose ─▶ known? in flight? ─▶ engine ─▶ committed ─▶ machine ─▶ outcome to the caller
 *                                                           ├─▶ listeners (streams, long polls)
 *                                                           ├─▶ outcome pages beside the log
 *                                                           └─▶ duties, snapshots
 * ```
 */
import { type Command, decodeEntry } from '../../log/command.ts';
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import type { Members } from '../../log/members.ts';
import type { Retention } from '../../log/retention.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import { type AppliedEntry, Machine } from '../../projections/machine.ts';
import type { FinishedPage } from '../../projections/outcome-chain.ts';
import type { Duty, Projection } from '../../projections/projection.ts';
import { RULES_VERSION, type StateRootRow } from '../../projections/rules.ts';
import type { UndoLimits } from '../../projections/undo-ring.ts';
import type { Traffic } from '../../log/traffic.ts';
import type {
  Configuration,
  ConfigurationChange,
  Departure,
  Engine,
  EngineReport,
  EngineSink,
  EngineStatus,
  ReadPoint,
} from '../engine.ts';
import { type Agreement, agreementOf } from './agreement.ts';
import type { Answer } from './answer.ts';
import { Answering } from './answering.ts';
import type { Comparing } from './comparing.ts';
import { Duties } from './duties.ts';
import { History } from './history.ts';
import { Loop, type LoopStatus } from './loop.ts';
import { ReplayedPages } from './replayed-pages.ts';
import { Snapshots, type SnapshotsStatus } from './snapshots.ts';

export interface StartEngine {
  (start: {
    readonly group: GroupId;
    readonly sink: EngineSink;
    readonly applied: number;
    readonly appliedAt: number;
    readonly breathe: () => Promise<void>;
    /** Sees to it that the shelf holds a snapshot of what is applied. @returns its index */
    readonly takeSnapshot: () => Promise<number>;
    /** Our digest of all outcomes up to an applied index, as hex. */
    readonly digestAt: (index: number) => Promise<string>;
    /** The digest an outcome page begins with; undefined where it is not known here. */
    readonly digestBefore: (page: number) => Promise<Buffer | undefined>;
    /** Whether the whole log is kept. */
    readonly keepsHistory: boolean;
  }): Promise<Engine>;
}

export interface GroupOptions {
  readonly id: GroupId;
  readonly log: Log;
  readonly clock: Clock;
  readonly projections: readonly Projection[];
  readonly startEngine: StartEngine;
  readonly undo?: UndoLimits;
  readonly snapshotInterval: Milliseconds;
  readonly retention: Retention;
  readonly historyBytes: number;
  /** Lets other work run between slices of long work. */
  readonly breathe: () => Promise<void>;
  /** A fault that no caller can be told: apply cannot go on. The node stops serving. */
  readonly onFault: (fault: Error) => void;
  readonly onLoopError: (loop: string, error: unknown) => void;
}

export type AppliedListener = (applied: AppliedEntry, frame: Buffer) => void;

export class Group implements EngineSink {
  readonly id: GroupId;
  readonly machine: Machine;
  readonly history: History;
  readonly snapshots: Snapshots;
  readonly #options: GroupOptions;
  readonly #duties: Duties;
  readonly #snapshotLoop: Loop;
  readonly #listeners = new Set<AppliedListener>();
  readonly #answering: Answering;
  readonly #replayedPages: ReplayedPages;
  readonly #agreement: Agreement;
  #engine: Engine | undefined;
  #fault: Error | undefined;

  private constructor(options: GroupOptions) {
    const { id, log, clock } = options;
    this.id = id;
    this.#options = options;
    this.machine = new Machine(options);
    this.#replayedPages = new ReplayedPages(log.outcomePages(id), (page) => this.#storePage(page));
    this.history = new History(log, id, this.machine);
    const time = { clock, now: () => this.now() };
    this.#answering = new Answering({
      ...time,
      machine: this.machine,
      history: this.history,
      engine: () => this.#running(),
    });
    this.snapshots = new Snapshots({
      ...options,
      group: id,
      machine: this.machine,
      now: () => this.now(),
      configuration: (at) => this.#running().members(at),
      agree: (root) => this.#agree(root),
      onError: (error) => options.onLoopError('snapshots', error),
    });
    this.#duties = new Duties({
      ...time,
      isLeader: () => this.isLeader,
      due: (now) => this.machine.due(now),
      propose: (duty) => this.#proposeDuty(duty),
      onError: (error) => options.onLoopError('duties', error),
    });
    this.#agreement = this.#agreementWithOthers();
    this.#snapshotLoop = new Loop({
      name: `snapshots ${id.id}`,
      clock,
      interval: options.snapshotInterval,
      run: () => this.snapshots.takeIfDue(),
      onError: (error) => options.onLoopError('snapshots', error),
    });
  }

  /**
   * Opens a group: newest snapshot, then the log above it, then its engine.
   * @throws OutcomeDivergence, UpgradeRequired and others; nothing is left running then
   */
  static async open(options: GroupOptions): Promise<Group> {
    const group = new Group(options);
    group.#serve(await group.#start());
    return group;
  }

  get comparing(): Comparing {
    return this.#agreement.comparing;
  }

  get isLeader(): boolean {
    return this.#engine?.isLeader ?? false;
  }

  /** Nobody listens, nothing is under way: it may leave memory until somebody asks for it. */
  get isQuiet(): boolean {
    return this.#listeners.size === 0 && this.#running().isQuiet();
  }

  /** Why this group no longer applies entries, if so. */
  get fault(): Error | undefined {
    return this.#fault;
  }

  /** Takes a command whose data its schema has parsed, and answers when it was applied. See `answering.ts`. */
  propose(command: Command, traffic: Traffic, patience: Milliseconds = 0): Promise<Answer> {
    return this.#answering.propose(command, traffic, patience);
  }

  /** The index from which a local read is linearizable. */
  read(): Promise<ReadPoint> {
    return this.#running().read();
  }

  status(): EngineStatus {
    return this.#running().status();
  }

  report(): EngineReport {
    return this.#running().report();
  }

  /** Who takes part, with their stores and addresses. */
  members(): Members {
    return this.#running().members();
  }

  /** Changes who votes and who learns. */
  change(configuration: Configuration): Promise<ConfigurationChange> {
    return this.#running().change(configuration);
  }

  /** Hands leadership to a voter, or to the one that is furthest. */
  transfer(to: string | undefined): Promise<ConfigurationChange> {
    return this.#running().transfer(to);
  }

  /** Log time, for whoever asks what holds now: the wall clock may have jumped since the last entry. */
  now(): Milliseconds {
    return this.#running().now();
  }

  loops(): readonly LoopStatus[] {
    return [this.#snapshotLoop.status(), this.comparing.status()];
  }

  get snapshotStatus(): SnapshotsStatus {
    return this.snapshots.status;
  }

  get dutiesStatus(): { readonly rounds: number; readonly proposed: number } {
    return this.#duties.status;
  }

  /** Calls `listener` after each applied entry, in order. @returns the way to stop listening */
  onApplied(listener: AppliedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  committed(frames: readonly Buffer[]): void {
    if (this.#fault !== undefined) return;
    try {
      for (const frame of frames) this.#apply(frame);
    } catch (fault) {
      // Rules cannot throw out of the machine (I11): this is an upgrade to be made, or a broken invariant.
      this.#endApplying(fault as Error);
    }
    this.#wakeLoops();
  }

  async install(index: number): Promise<Milliseconds> {
    const machine = new Machine(this.#options);
    await this.snapshots.install(index, machine);
    this.machine.adopt(machine);
    return machine.position.at;
  }

  led(): void {
    if (this.#engine !== undefined) this.#duties.poke();
  }

  /**
   * Stops proposing, then the engine; writes the unfinished outcome page. What is proposed already is waited
   * for after the engine: without a majority only its end answers. Idempotent.
   */
  async stop(why?: Departure): Promise<void> {
    this.#answering.stop();
    this.snapshots.stop();
    const proposing = [this.#duties.stop(), this.#snapshotLoop.stop()];
    await this.comparing.stop();
    await this.#agreement.rootChecking.stop();
    await Promise.all([this.#engine?.stop(why), ...proposing]);
    this.#listeners.clear();
    const page = this.machine.unfinishedPage();
    if (page !== undefined) this.#storePage(page);
  }

  async #start(): Promise<Engine> {
    const applied = await this.snapshots.restore(() => new Machine(this.#options));
    this.machine.undo.replayTo(this.#options.log.bounds(this.id).last);
    try {
      return await this.#startEngine(applied);
    } finally {
      await this.#replayedPages.close();
    }
  }

  async #startEngine(applied: number): Promise<Engine> {
    const engine = await this.#options.startEngine({
      group: this.id,
      sink: this,
      applied,
      appliedAt: this.machine.position.at,
      breathe: () => this.#restBetweenChunks(),
      takeSnapshot: () => this.snapshots.take(),
      digestAt: (index) => this.history.digestAt(index),
      digestBefore: (page) => this.history.digestBefore(page),
      keepsHistory: this.#options.retention.kind === 'all',
    });
    try {
      await this.#caughtUp();
    } catch (fault) {
      await engine.stop();
      throw fault;
    }
    return engine;
  }

  #agreementWithOthers(): Agreement {
    return agreementOf({
      ...this.#options,
      machine: this.machine,
      fresh: () => new Machine(this.#options),
      history: this.history,
      snapshots: this.snapshots,
      engine: () => this.#running(),
      storePage: (page) => this.#storePage(page),
      onDivergence: (fault) => this.#endApplying(fault),
    });
  }

  /** What the log held is applied, and is what was recorded. */
  async #caughtUp(): Promise<void> {
    await this.#replayedPages.settle();
    if (this.#fault !== undefined) throw this.#fault;
  }

  #serve(engine: Engine): void {
    this.#engine = engine;
    this.#snapshotLoop.start();
    this.comparing.start();
    this.#duties.poke();
  }

  #running(): Engine {
    if (this.#engine === undefined) throw new Error('the group is still opening');
    return this.#engine;
  }

  #endApplying(fault: Error): void {
    this.#fault = fault;
    // While the group is being opened, whoever opens it is told.
    if (this.#engine !== undefined) this.#options.onFault(fault);
  }

  #apply(frame: Buffer): void {
    const applied = this.machine.apply(decodeEntry(frame));
    const { outcome, entry } = applied;
    this.#answering.note(entry.index, outcome);
    if (applied.page !== undefined) this.#recordPage(applied.page);
    if (this.#engine !== undefined) this.#agreement.rootChecking.note(applied);
    this.snapshots.noteApplied(frame.length);
    // Nobody listens yet to what is replayed at the start.
    for (const listener of this.#listeners) listener(applied, frame);
  }

  /** Once for all that was committed together; what is replayed at the start wakes nobody. */
  #wakeLoops(): void {
    if (this.#engine === undefined) return;
    if (this.snapshots.isUrgent) this.#snapshotLoop.poke();
    this.#duties.poke();
  }

  #recordPage(page: FinishedPage): void {
    if (this.#engine === undefined) this.#replayedPages.push(page);
    else this.#storePage(page);
  }

  #storePage({ page, encoded }: FinishedPage): void {
    this.#options.log.putOutcomePage(this.id, page, encoded);
  }

  async #restBetweenChunks(): Promise<void> {
    await this.#replayedPages.settle();
    await this.#options.breathe();
  }

  async #proposeDuty({ type, data }: Duty): Promise<boolean> {
    const answer = await this.propose({ type, data, actor: 'duty' }, 'control');
    return answer.kind === 'answered';
  }

  async #agree(root: Omit<StateRootRow, 'rules'>): Promise<void> {
    if (!this.isLeader) return;
    const data = { ...root, rules: RULES_VERSION };
    await this.propose({ type: 'state_root', data, actor: 'engine' }, 'control');
  }
}
