/**
 * What the load processes share: they wait for their orders, keep so many commands in flight, and tell
 * the one who measures when the time runs and what came of it.
 *
 * ```
 *  orders ─▶ warm up ─▶ measuring ─▶ measured ─▶ goes on until the node is killed ─▶ acks written, ended
 * ```
 *
 * Every acknowledgement is kept: the index each command was given, in a file of 64-bit floats, one per
 * command number, 0 where none came.
 */
import { writeFileSync } from 'node:fs';
import { Histogram } from './histogram.ts';
import { type BenchCommand, workload } from './workload.ts';

export interface Orders {
  /** The nodes; each connection goes to the next of them. */
  readonly urls: readonly string[];
  readonly workload: string;
  readonly inFlight: number;
  /** Commands per second, whatever becomes of them; null: as many as `inFlight` allows. */
  readonly rate: number | null;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** The first command number; numbers go on from here. */
  readonly from: number;
  /** Stops by itself after so many commands; null: only when the node is gone. */
  readonly commands: number | null;
  readonly acknowledgements: string;
}

export interface Latencies {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export type LoadNews =
  | { readonly kind: 'ready' }
  | { readonly kind: 'measuring' }
  | {
      readonly kind: 'measured';
      readonly done: number;
      readonly elapsedMs: number;
      /** CPU of the load process itself, seconds. */
      readonly cpu: number;
      readonly latencies: Latencies;
    }
  | {
      readonly kind: 'ended';
      readonly sent: number;
      readonly acknowledged: number;
      readonly refused: number;
      readonly firstRefusal: string | null;
    }
  | {
      readonly kind: 'recovered';
      /** From the strike to the first acknowledged write that was sent after it, of a later term. */
      readonly ms: number;
      /** The longest time in between in which nothing was acknowledged. */
      readonly gapMs: number;
    };

/** Acknowledgements kept per process: more than any round reaches. */
const KEPT_MAX = 64_000_000;
/** At a fixed rate so many wait for their answers at most: what is due then leaves late, and counts as late. */
const UNANSWERED_MAX = 900;
const LOOK_MS = 1;

export interface Numbered {
  readonly ref: number;
  readonly command: BenchCommand;
}

export class LoadCounter {
  readonly orders: Orders;
  readonly #workload: (number: number) => BenchCommand;
  readonly #latencies = new Histogram();
  #indices = new Float64Array(1 << 20);
  #started = new Float64Array(1 << 20);
  #next = 0;
  #acknowledged = 0;
  #refused = 0;
  #firstRefusal: string | null = null;
  #isMeasuring = false;
  #done = 0;

  constructor(orders: Orders) {
    this.orders = orders;
    this.#workload = workload(orders.workload, (number) => this.#indexOf(number));
  }

  get isExhausted(): boolean {
    return this.orders.commands !== null && this.#next >= this.orders.commands;
  }

  get isAnswered(): boolean {
    return this.#acknowledged + this.#refused === this.#next;
  }

  /** The next command to send, due at a moment; its ref comes back with the answer. */
  next(due: number = performance.now()): Numbered {
    const ref = this.#next;
    this.#next += 1;
    if (ref === this.#indices.length) this.#grow();
    this.#started[ref] = due;
    return { ref, command: this.#workload(this.orders.from + ref) };
  }

  /** Tells which moments have come at a fixed rate. A command that leaves late was due all the same. */
  keepRate(rate: number, send: (due: readonly number[]) => void): void {
    const [started, between] = [performance.now(), 1000 / rate];
    let sent = 0;
    setInterval(() => {
      const come = Math.floor((performance.now() - started) / between) - sent;
      const unanswered = this.#next - this.#acknowledged - this.#refused;
      const count = Math.min(come, UNANSWERED_MAX - unanswered);
      if (count <= 0) return;
      send(Array.from({ length: count }, (_, at) => started + (sent + at) * between));
      sent += count;
    }, LOOK_MS);
  }

  answered(ref: number, index: number): void {
    this.#indices[ref] = index;
    this.#acknowledged += 1;
    if (!this.#isMeasuring) return;
    this.#done += 1;
    this.#latencies.record(performance.now() - (this.#started[ref] ?? 0));
  }

  refused(problem: string): void {
    this.#refused += 1;
    this.#firstRefusal ??= problem;
  }

  /** Runs the clock of the round: warm-up, then the measured time. */
  runClock(): void {
    const { warmUpMs, measuredMs } = this.orders;
    setTimeout(() => {
      const [cpu, started] = [process.cpuUsage(), performance.now()];
      this.#isMeasuring = true;
      tell({ kind: 'measuring' });
      setTimeout(() => {
        this.#isMeasuring = false;
        const used = process.cpuUsage(cpu);
        tell({
          kind: 'measured',
          done: this.#done,
          elapsedMs: performance.now() - started,
          cpu: (used.user + used.system) / 1e6,
          latencies: this.#latencies.toJSON(),
        });
      }, measuredMs);
    }, warmUpMs);
  }

  /** Writes the acknowledgements and ends the process. */
  end(): void {
    const kept = this.#indices.subarray(0, this.#next);
    writeFileSync(this.orders.acknowledgements, Buffer.from(kept.buffer, 0, kept.byteLength));
    tell({
      kind: 'ended',
      sent: this.#next,
      acknowledged: this.#acknowledged,
      refused: this.#refused,
      firstRefusal: this.#firstRefusal,
    });
    process.disconnect();
    process.exit(0);
  }

  #indexOf(number: number): number {
    const index = this.#indices[number - this.orders.from] ?? 0;
    if (index > 0) return index;
    throw new Error(`command ${number} should have been acknowledged: keep fewer in flight`);
  }

  #grow(): void {
    if (this.#next >= KEPT_MAX)
      throw new Error('the round is too long to keep its acknowledgements');
    const [indices, started] = [this.#indices, this.#started];
    this.#indices = new Float64Array(indices.length * 2);
    this.#started = new Float64Array(started.length * 2);
    this.#indices.set(indices);
    this.#started.set(started);
  }
}

export function tell(news: LoadNews): void {
  process.send?.(news);
}

/** Waits for the orders of the parent process. */
export function ordersReceived(): Promise<Orders> {
  return new Promise((resolve) => {
    process.once('message', (orders) => resolve(orders as Orders));
    tell({ kind: 'ready' });
  });
}
