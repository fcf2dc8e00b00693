/**
 * What is committed goes to the sink, in order, each entry once: from memory, or from the disk where
 * memory no longer has it, or all at once as a snapshot.
 *
 * ```
 *  idle ── commit ──▶ in memory: at once ──▶ idle
 *    │                  └ not there: reading ──▶ idle
 *    └─── install ──▶ installing ──▶ idle
 * ```
 */
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { splitFrames } from '../../log/split-frames.ts';
import type { EngineSink } from '../engine.ts';
import type { LogTime } from '../log-time.ts';
import type { Entry } from './core/entry.ts';

/** Entries handed over between two looks at what else waits: some milliseconds, less than a heartbeat on a busy machine. */
const AT_ONCE = 250;

export interface ApplyingOptions {
  readonly log: Log;
  readonly group: GroupId;
  readonly sink: EngineSink;
  /** Goes on from what is installed: entries have brought their stamps when they were written. */
  readonly time: LogTime;
  readonly applied: number;
  /** What the core holds in memory. */
  readonly entry: (index: number) => Entry | undefined;
  /** Told after the sink took everything up to this index. */
  readonly onApplied: (index: number) => void;
  readonly onFault: (fault: Error) => void;
  readonly breathe: () => Promise<void>;
}

export class Applying {
  readonly #options: ApplyingOptions;
  #applied: number;
  #committed: number;
  #busy: Promise<void> | undefined;
  /** Work that waits for a pause. */
  #waiting = 0;
  #stopped = false;

  constructor(options: ApplyingOptions) {
    this.#options = options;
    this.#applied = options.applied;
    this.#committed = options.applied;
  }

  get applied(): number {
    return this.#applied;
  }

  commit(index: number): void {
    if (index <= this.#committed) return;
    this.#committed = index;
    this.#options.log.setCommitted(this.#options.group, index);
    this.#pump();
  }

  /**
   * The snapshot of this index takes the place of everything, once the log goes on behind it: `durable`. Nothing is
   * handed over meanwhile, since what the log still holds may be about to go.
   */
  async install(index: number, durable: Promise<void>): Promise<void> {
    await this.whilePaused(async () => {
      await durable;
      await this.#install(index);
    });
    if (this.#applied < index) throw new Error(`the snapshot of ${index} was not installed`);
  }

  /** Runs `work` while the sink is given nothing: after what is under way, before anything new. */
  async whilePaused(work: () => Promise<void>): Promise<void> {
    this.#waiting += 1;
    while (this.#busy !== undefined) await this.#busy;
    this.#waiting -= 1;
    await this.#occupy(work());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#busy;
  }

  get #isFree(): boolean {
    return this.#busy === undefined && this.#waiting === 0 && !this.#stopped;
  }

  #pump(): void {
    if (!this.#isFree || this.#applied >= this.#committed) return;
    if (this.#options.entry(this.#applied + 1) === undefined) void this.#occupy(this.#fromDisk());
    else this.#occupyIfMore(this.#fromMemory());
  }

  /** @returns whether more is committed than was handed over at once */
  #fromMemory(): boolean {
    const frames: Buffer[] = [];
    const end = Math.min(this.#committed, this.#applied + AT_ONCE);
    for (let index = this.#applied + 1; index <= end; index++) {
      const entry = this.#options.entry(index);
      if (entry === undefined) break;
      frames.push(entry.frame as Buffer);
    }
    this.#handOver(frames);
    return this.#applied < this.#committed;
  }

  #occupyIfMore(more: boolean): void {
    if (more) void this.#occupy(this.#options.breathe());
  }

  async #fromDisk(): Promise<void> {
    const { log, group, breathe } = this.#options;
    for await (const chunk of log.read(group, this.#applied + 1, { to: this.#committed })) {
      if (this.#stopped) return;
      this.#handOver(splitFrames(chunk.frames));
      await breathe();
    }
  }

  async #install(index: number): Promise<void> {
    this.#options.time.resume(await this.#options.sink.install(index));
    this.#applied = index;
    this.#committed = Math.max(this.#committed, index);
    this.#options.onApplied(index);
  }

  #handOver(frames: Buffer[]): void {
    this.#options.sink.committed(frames);
    this.#applied += frames.length;
    this.#options.onApplied(this.#applied);
  }

  #occupy(work: Promise<void>): Promise<void> {
    const done = work.then(
      () => this.#free(),
      (fault: unknown) => this.#fail(fault as Error),
    );
    this.#busy = done;
    return done;
  }

  /** Nothing is handed over any more; whoever waits for a pause has it. */
  #fail(fault: Error): void {
    this.#stopped = true;
    this.#busy = undefined;
    this.#options.onFault(fault);
  }

  #free(): void {
    this.#busy = undefined;
    this.#pump();
  }
}
