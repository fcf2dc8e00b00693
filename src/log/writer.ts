/**
 * The writer: group commit. One batch is in flight; what arrives meanwhile joins the next, so the slower
 * the disk, the larger the batches. An idle writer adds no delay but the rest of the current turn.
 *
 * ```
 *            work arrives            queue empty
 *   ┌──────┐ ───────────▶ ┌─────────┐ ─────────▶ idle
 *   │ idle │              │ writing │
 *   └──────┘              └────┬────┘
 *                              │ a write fails
 *                              ▼
 *                         ┌──────────┐  everything in the queue and everything later
 *                         │ poisoned │  is rejected with the cause; there is no way back
 *                         └──────────┘
 * ```
 *
 * After a failed write nobody knows what is on the disk, and trying again could acknowledge what a crash
 * then takes away. So the node ends instead.
 */
import { Backpressure } from './backpressure.ts';
import { type ChainEnd, nextLink } from './batch-chain.ts';
import { Batch } from './batch.ts';
import { Deque } from './deque.ts';
import { faultOf, type LogFault } from './fault.ts';
import type { GroupLog } from './group-log.ts';
import type { HardState } from './hard-state.ts';
import type { Store } from './store.ts';
import type { Clock } from './time.ts';
import type { Traffic } from './traffic.ts';
import { type BatchReport, Tally } from './usage.ts';
import type { Window } from './window.ts';
import { Settlement, type Work } from './work.ts';

export interface WriterOptions {
  readonly store: Store;
  readonly window: Window;
  readonly clock: Clock;
  readonly chain: ChainEnd;
  /** Resolves when the current turn of the event loop is over: all its appends share a batch. */
  readonly turn: () => Promise<unknown>;
  readonly onPoison: (cause: Error) => void;
  readonly onBatch: (report: BatchReport) => void;
}

/** Work the disk has been given. */
interface Begun {
  readonly work: Work;
  /** How long it took, in milliseconds. */
  readonly written: Promise<number>;
}

const NOTHING = (): void => undefined;

export class Writer {
  readonly backpressure = new Backpressure();
  readonly tally = new Tally();
  readonly #options: WriterOptions;
  readonly #queue = new Deque<Work>();
  #chain: ChainEnd;
  #newest: Promise<void> = Promise.resolve();
  #writing = false;
  /** Why nothing is accepted any more: the log was closed, or a write failed. */
  #refusal: LogFault | undefined;
  #poisoned = false;
  /** Ends the turn that is waited for. */
  #endTurn = NOTHING;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#chain = options.chain;
  }

  /** The number and checksum of the last batch on the disk. */
  get chain(): ChainEnd {
    return this.#chain;
  }

  get poisoned(): boolean {
    return this.#poisoned;
  }

  /** Frames of one group that follow each other, one at least. @returns what resolves when the last is on the disk */
  append(log: GroupLog, frames: readonly Buffer[], traffic: Traffic): Promise<void> {
    if (this.#refusal !== undefined) return refused(this.#refusal);
    for (let taken = 0; taken < frames.length;) taken = this.#take(log, frames, taken);
    this.tally.submitted(traffic, frames.length);
    this.#wake();
    return this.#newest;
  }

  save(log: GroupLog, state: HardState): Promise<void> {
    if (this.#refusal !== undefined) return refused(this.#refusal);
    const batch = this.#forming(0);
    batch.save(log, state);
    this.#wake();
    return batch.durable.promise;
  }

  /** Rides in the next batch and does not cause one, until it fills one. */
  put(key: Buffer, value: Buffer): void {
    if (this.#refusal !== undefined) return;
    const batch = this.#forming(value.length);
    batch.put(key, value);
    this.backpressure.joined(0, value.length);
    if (!batch.hasRoomFor(value.length)) this.#wake();
  }

  /** Work of its own, after everything handed over before. */
  submit(work: Work): Promise<void> {
    if (this.#refusal !== undefined) return refused(this.#refusal);
    this.#enqueue(work);
    this.#wake();
    return work.durable.promise;
  }

  /** What is in the queue begins now, if the disk is idle; it would have begun at the end of this turn. */
  hurry(): void {
    this.#endTurn();
  }

  /** Resolves when everything handed over so far is on the disk. */
  flush(): Promise<void> {
    if (this.#refusal !== undefined) return refused(this.#refusal);
    this.#wake();
    return this.#newest;
  }

  /** Refuses everything later with `refusal`; what was handed over is still written. */
  async close(refusal: LogFault): Promise<void> {
    this.#wake();
    this.#refusal ??= refusal;
    // Those who wait for a failed batch hear of it themselves.
    await this.#newest.catch(() => undefined);
  }

  /** The batch that forms takes what it has room for. @returns how many have been taken by now */
  #take(log: GroupLog, frames: readonly Buffer[], from: number): number {
    const batch = this.#forming((frames[from] as Buffer).length);
    const { entries, bytes } = batch;
    batch.append(log, frames, from);
    this.backpressure.joined(batch.entries - entries, batch.bytes - bytes);
    return from + batch.entries - entries;
  }

  #forming(bytes: number): Batch {
    const newest = this.#queue.at(-1);
    if (newest instanceof Batch && newest.hasRoomFor(bytes)) return newest;
    const batch = new Batch();
    this.#enqueue(batch);
    return batch;
  }

  #enqueue(work: Work): void {
    this.#queue.push(work);
    this.#newest = work.durable.promise;
  }

  #wake(): void {
    if (this.#writing || this.#queue.length === 0) return;
    this.#writing = true;
    void this.#drain();
  }

  async #drain(): Promise<void> {
    await this.#turn();
    let begun = this.#begin();
    while (begun !== undefined) {
      const { work } = begun;
      const isDurable = await this.#ended(begun);
      // What waits already goes to the disk before anybody is answered: both work at the same time.
      begun = this.#begin();
      if (isDurable) work.durable.resolve();
      begun ??= await this.#beginLater();
    }
    this.#writing = false;
  }

  #begin(): Begun | undefined {
    const work = this.#queue.shift();
    return work === undefined ? undefined : { work, written: this.#write(work) };
  }

  /** Whoever was just answered may come back within this turn and join the next batch. */
  async #beginLater(): Promise<Begun | undefined> {
    await this.#turn();
    return this.#begin();
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      // Once: Node looks into every promise that is resolved twice.
      const end = (): void => {
        if (this.#endTurn !== end) return;
        this.#endTurn = NOTHING;
        resolve();
      };
      this.#endTurn = end;
      void this.#options.turn().then(end);
    });
  }

  /** @returns whether the work is on the disk; its callers are not told yet. */
  async #ended({ work, written }: Begun): Promise<boolean> {
    try {
      const milliseconds = await written;
      work.settle(this.#options.window);
      this.backpressure.left(work.entries, work.bytes);
      for (const range of work.leftovers) await this.#options.store.clear(range);
      this.#report(work, milliseconds);
      return true;
    } catch (error) {
      this.#poison(faultOf(error), work);
      return false;
    }
  }

  /** @returns how long the write took, in milliseconds. */
  async #write(work: Work): Promise<number> {
    const { store, clock } = this.#options;
    const writes = store.batch();
    const link = nextLink(this.#chain, await work.lay(writes));
    writes.put(link.key, link.value);
    const started = clock.monotonic();
    await writes.write({ sync: true });
    this.#chain = link.end;
    return clock.monotonic() - started;
  }

  #report({ entries, bytes }: Work, milliseconds: number): void {
    const report = { entries, bytes, milliseconds };
    this.tally.wrote(report);
    this.#options.onBatch(report);
  }

  #poison(cause: LogFault, failed: Work): void {
    this.#refusal = cause;
    this.#poisoned = true;
    failed.durable.reject(cause);
    for (let work = this.#queue.shift(); work !== undefined; work = this.#queue.shift())
      work.durable.reject(cause);
    this.#options.onPoison(cause);
  }
}

/** Of many that are refused together, whoever handed them over may listen to one. */
function refused(cause: LogFault): Promise<void> {
  const { promise, reject } = new Settlement();
  reject(cause);
  return promise;
}
