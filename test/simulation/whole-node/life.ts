/**
 * One life of a process on a simulated machine: everything it ever waits for goes through here, so that it
 * can be killed between any two events, or stopped and continued.
 *
 * ```
 *            pause                    continue: what was due meanwhile, in its order
 *  running ─────────▶ stopped ───────────────────▶ running
 *     └───────────────── end ─────────────────────────▶ over: whatever it waits for never comes
 * ```
 *
 * Its clocks run a little fast or slow, and its wall clock may be set; the monotonic one never jumps.
 */
import type { Clock, Milliseconds } from '../../../src/log/time.ts';
import { TimerWheel } from '../../../src/protocols/timer-wheel.ts';
import type { EventLoop } from './event-loop.ts';

/** What a machine's clocks are like. */
export interface Oscillator {
  /** Milliseconds by which its wall clock is wrong. */
  skew: number;
  /** How fast its clocks run, about 1. */
  readonly rate: number;
}

/** When every simulated world begins, by a clock that is right. */
const BEGINNING: Milliseconds = 1_700_000_000_000;
/** A turn of a process takes a little time, and so do the turns it takes to come to an end. */
const TURN_MS = 0.01;

export class Life implements Clock {
  readonly #loop: EventLoop;
  readonly #oscillator: Oscillator;
  #state: 'running' | 'stopped' | 'over' = 'running';
  #held: (() => void)[] = [];
  /** Timers that wait: those a clean exit must have cancelled. */
  timers = 0;
  /** The clock of the process, as `real-clock.ts` makes it: all its timers share one. */
  readonly clock: Clock = new TimerWheel(this);

  constructor(loop: EventLoop, oscillator: Oscillator) {
    this.#loop = loop;
    this.#oscillator = oscillator;
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  now(): Milliseconds {
    const { skew, rate } = this.#oscillator;
    return Math.floor(BEGINNING + this.#loop.now * rate + skew);
  }

  monotonic(): Milliseconds {
    return this.#loop.now * this.#oscillator.rate;
  }

  after(delay: Milliseconds, task: () => void): () => void {
    this.timers += 1;
    let isDue = true;
    const end = (): void => {
      if (isDue) this.timers -= 1;
      isDue = false;
    };
    this.#loop.after(Math.max(0, delay) / this.#oscillator.rate, () =>
      this.run(() => {
        if (!isDue) return;
        end();
        task();
      }),
    );
    return end;
  }

  /** Something reaches the process: now, when it is continued, or never. */
  run(task: () => void): void {
    if (this.#state === 'running') task();
    if (this.#state === 'stopped') this.#held.push(task);
  }

  /** The same, a while later, for what comes from outside: a disk, a network. */
  later(delay: Milliseconds, task: () => void): void {
    this.#loop.after(delay, () => this.run(task));
  }

  /** The next turn of the event loop of this process. */
  readonly breathe = (): Promise<void> =>
    new Promise((resolve) => {
      this.later(TURN_MS, resolve);
    });

  pause(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  continue(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    const held = this.#held;
    this.#held = [];
    // One after another, with the promises of each in between.
    for (const task of held) this.later(0, task);
  }

  end(): void {
    this.#state = 'over';
    this.#held = [];
  }
}
