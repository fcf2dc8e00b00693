/**
 * The host of one Raft core. The core decides; this gives it a disk, peers, time and a machine.
 *
 * ```
 *  proposals, reads, changes ─┐                     ┌─▶ writes ─▶ log ── durable ─▶ persisted, `then` leaves
 *  messages from peers ───────┼─▶ core.step … take ─┼─▶ messages to peers
 *  time, lost links ──────────┘    once per turn    ├─▶ committed frames ─▶ sink ─▶ who waits is answered
 *                                                   └─▶ reads from disk, snapshots to followers, next wake
 * ```
 *
 * What happens within one turn of the event loop is stepped at once and taken together, so that a turn's
 * proposals share a message and a write. All groups of the node take at the same time (`rhythm.ts`).
 */
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { type Members, type MembersAt, NO_MEMBERS } from '../../log/members.ts';
import type { Clock } from '../../log/time.ts';
import type { EngineSink } from '../engine.ts';
import type { LogTime } from '../log-time.ts';
import { Applying } from './applying.ts';
import type { RaftCore } from './core/core.ts';
import type { Effects, Fetch, Input, Settled, Trace, Write } from './core/input.ts';
import type { CoreStatus } from './core/status.ts';
import type { Exchange } from './exchange.ts';
import { Fetching } from './fetching.ts';
import { NEW_MEMBER } from './restoring.ts';
import { TickHealth, type TickReport } from './tick-health.ts';
import { Writing } from './writing.ts';

export interface CoreHostOptions {
  readonly core: RaftCore;
  readonly log: Log;
  readonly group: GroupId;
  readonly clock: Clock;
  readonly time: LogTime;
  readonly exchange: Exchange;
  readonly sink: EngineSink;
  /** The index the sink has already. */
  readonly applied: number;
  readonly breathe: () => Promise<void>;
  /** Whether the whole log is kept. */
  readonly keepsHistory: boolean;
  readonly onSettled: (settled: Settled) => void;
  readonly onApplied: (index: number) => void;
  /** A snapshot took the place of the log. */
  readonly onInstalled: () => void;
  /** A follower needs a snapshot of this index or later. */
  readonly onSnapshotNeeded: (peer: string, atLeast: number) => void;
  readonly onTrace: (trace: Trace) => void;
  /** The disk or the sink failed: this node must not go on. */
  readonly onFault: (fault: Error) => void;
}

const NOBODY: MembersAt = { index: 0, configuration: NO_MEMBERS };

export class CoreHost {
  readonly #options: CoreHostOptions;
  readonly #core: RaftCore;
  readonly #writing: Writing;
  readonly #applying: Applying;
  readonly #fetching: Fetching;
  readonly #ticks = new TickHealth();
  #installing = 0;
  /** The newest write is on the disk. */
  #written: Promise<void> = Promise.resolve();
  #turn: 'idle' | 'due' | 'stopped' = 'idle';
  #cancelWake: () => void = () => undefined;
  #wakeAt: number | undefined;

  constructor(options: CoreHostOptions) {
    const { core, log, group, time } = options;
    this.#options = options;
    this.#core = core;
    const hard = log.hardState(group) ?? NEW_MEMBER;
    this.#writing = new Writing({ log, group, time, hard });
    this.#applying = new Applying({
      ...options,
      entry: (index) => core.entry(index),
      onApplied: (index) => this.#noteApplied(index),
    });
    this.#fetching = new Fetching({ ...options, step: (input) => this.step(input) });
  }

  /** Who takes part, as the disk has it. */
  get members(): readonly MembersAt[] {
    return this.#writing.members;
  }

  /** Who took part at an applied index, or at the last committed change if that is later. */
  membersAt(at: number): Members {
    const known = this.#writing.members;
    return (known.findLast(({ index }) => index <= at) ?? known[0] ?? NOBODY).configuration;
  }

  get applied(): number {
    return this.#applying.applied;
  }

  get leader(): string | undefined {
    return this.#core.leader;
  }

  status(): CoreStatus {
    return this.#core.status();
  }

  get ticks(): TickReport {
    return this.#ticks.report();
  }

  /** Something happened; what follows from it is done at the end of the turn. */
  step(input: Input): void {
    if (this.#turn === 'stopped') return;
    try {
      this.#core.step(input, this.#options.clock.monotonic());
    } catch (bug) {
      // An invariant of Raft is broken: nothing this core would do next could be believed.
      this.#turn = 'stopped';
      this.#options.onFault(bug as Error);
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#turn !== 'idle') return;
    this.#turn = 'due';
    this.#options.exchange.rhythm.soon(this.#take);
  }

  /** The members of a new cluster, which are on the disk already. */
  found(configuration: Members): void {
    this.#writing.found(configuration);
    this.step({ kind: 'found', configuration });
  }

  whilePaused(work: () => Promise<void>): Promise<void> {
    return this.#applying.whilePaused(work);
  }

  async stop(): Promise<void> {
    this.#turn = 'stopped';
    this.#cancelWake();
    await this.#applying.stop();
    await this.#fetching.stop();
  }

  readonly #take = (): void => {
    if (this.#turn === 'stopped') return;
    this.#turn = 'idle';
    const effects = this.#core.take();
    // Frames are sealed when they are written, so they are written before they are sent.
    for (const write of effects.writes) this.#write(write, effects.commit);
    if (effects.writes.length > 0) this.#options.log.hurry();
    this.#options.exchange.send(this.#options.group, effects.send);
    this.#tell(effects);
    this.#commit(effects);
    this.#sleepUntil(effects.next_wake);
  };

  /**
   * The disk is given its work first: it writes while this applies. Where a leader waits for what is written, this
   * applies when that is said: all of the cluster's callers wait for it, and nobody for this.
   */
  #commit({ commit, writes }: Effects): void {
    const apply = (): void => {
      if (this.#turn !== 'stopped') this.#applying.commit(commit);
    };
    if (writes.length === 0) return apply();
    const { breathe } = this.#options;
    const before = writes.some(isAwaited) ? this.#written.then(breathe) : breathe();
    // A failed write has its own way of being told.
    void before.then(apply, () => undefined);
  }

  #tell({ settled, fetch, need_snapshot, trace }: Effects): void {
    for (const one of settled) this.#options.onSettled(one);
    for (const wanted of fetch) this.#fetch(wanted);
    for (const { peer, at_least } of need_snapshot) this.#options.onSnapshotNeeded(peer, at_least);
    trace.forEach(this.#options.onTrace);
  }

  #write(write: Write, committed: number): void {
    const { snapshot } = write;
    const durable = this.#writing.put(write, committed);
    const done = snapshot === undefined ? durable : this.#install(snapshot.index, durable);
    this.#written = done;
    void done.then(
      () => this.#persisted(write),
      (fault: unknown) => this.#failed(fault as Error),
    );
  }

  /** Whether a snapshot is on its way into the machine: until then the log ends where it begins. */
  get isInstalling(): boolean {
    return this.#installing > 0;
  }

  async #install(index: number, durable: Promise<void>): Promise<void> {
    this.#installing += 1;
    try {
      await this.#applying.install(index, durable);
    } finally {
      this.#installing -= 1;
    }
  }

  /** A snapshot is there when both the machine and the log go on from it. */
  #persisted({ seq, then, snapshot }: Write): void {
    if (this.#turn === 'stopped') return;
    this.#options.exchange.send(this.#options.group, then);
    this.step({ kind: 'persisted', seq });
    if (snapshot !== undefined) this.#options.onInstalled();
  }

  #failed(fault: Error): void {
    this.step({ kind: 'persist_failed' });
    this.#options.onFault(fault);
  }

  #fetch(wanted: Fetch): void {
    this.#fetching.fetch(wanted);
  }

  #noteApplied(index: number): void {
    this.step({ kind: 'applied', index });
    this.#options.onApplied(index);
  }

  /** One timer at a time, set anew only when the core wants to be woken at another time. */
  #sleepUntil(at: number | undefined): void {
    if (at === this.#wakeAt) return;
    this.#cancelWake();
    this.#wakeAt = at;
    if (at === undefined) return;
    const { clock, exchange } = this.#options;
    this.#cancelWake = exchange.rhythm.after(Math.max(0, at - clock.monotonic()), (late) => {
      this.#wakeAt = undefined;
      this.#ticks.woken(late);
      this.step({ kind: 'wake' });
    });
  }
}

/** Whether something is said to somebody when it is on the disk. */
function isAwaited({ then }: Write): boolean {
  return then.length > 0;
}
