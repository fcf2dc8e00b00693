/**
 * Many timers for the price of one: a clock whose timers share a single one of the clock below it. Whoever waits
 * is woken at the next multiple of TICK_MS, together with all others that are due by then.
 *
 * ```
 *   level 0   256 slots of a tick            what is due within 2.56 s, by its tick
 *   level 1   256 slots of 256 ticks         within 11 minutes; comes down a level when its slot begins
 *   level 2   256 slots of 65 536 ticks      within 46 hours; what is due later is looked at again by then
 *
 *   timer ─▶ from slot to slot: what is in it comes down, or is woken ─▶ timer
 * ```
 *
 * Arming and calling off cost the same however many wait: a link into the list of a slot, and out of it. The
 * timer below is set for the next tick at which there is something to do, and there is none while nobody waits.
 */
import type { Clock, Milliseconds } from '../log/time.ts';

const TICK_MS: Milliseconds = 10;
const SLOTS = 256;
const LEVELS = 3;
/** Nothing is put further ahead than the slots reach. */
const REACH = SLOTS ** LEVELS - 1;
/** Of a tick: a sum of fractions that should be a whole tick may be a little beyond it. */
const ROUNDING = 1e-6;

/** A link of a slot's list. The slot itself is the first and the last. */
class Link {
  before: Link = this;
  behind: Link = this;

  get isAlone(): boolean {
    return this.behind === this;
  }

  append(link: Link): void {
    link.before = this.before;
    link.behind = this;
    this.before.behind = link;
    this.before = link;
  }

  unlink(): void {
    this.before.behind = this.behind;
    this.behind.before = this.before;
  }
}

class Waiting extends Link {
  readonly tick: number;
  readonly task: () => void;
  level = 0;
  isWaiting = true;

  constructor(tick: number, task: () => void) {
    super();
    this.tick = tick;
    this.task = task;
  }
}

export class TimerWheel implements Clock {
  readonly #clock: Clock;
  /** Those of a level behind those of the one below it. */
  readonly #slots = Array.from({ length: LEVELS * SLOTS }, () => new Link());
  /** How many wait on each level: one on which nobody does is not looked through. */
  readonly #onLevel = new Array<number>(LEVELS).fill(0);
  /** Up to this tick everything is done. */
  #done = 0;
  #waiting = 0;
  /** The tick of the timer below. */
  #armed = Number.POSITIVE_INFINITY;
  #disarm: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting;
  }

  now(): Milliseconds {
    return this.#clock.now();
  }

  monotonic(): Milliseconds {
    return this.#clock.monotonic();
  }

  /** Runs `task` at the first tick after `delay`. */
  after(delay: Milliseconds, task: () => void): () => void {
    const now = this.#clock.monotonic() / TICK_MS;
    this.#catchUp(Math.floor(now));
    const due = Math.ceil(now + delay / TICK_MS - ROUNDING);
    const tick = Math.max(due, this.#done + 1);
    const waiting = new Waiting(tick, task);
    this.#waiting += 1;
    this.#arm(this.#put(waiting));
    return () => this.#callOff(waiting);
  }

  /** Time in which there was nothing to do is over: from here on slots are counted. */
  #catchUp(now: number): void {
    if (now < this.#armed && now > this.#done) this.#done = now;
  }

  /** @returns the tick at which there is something to do about it: to wake it, or to bring it down */
  #put(waiting: Waiting): number {
    const ahead = Math.min(waiting.tick - this.#done, REACH);
    const level = levelOf(ahead);
    const span = spanOf(level);
    const place = Math.floor((this.#done + ahead) / span);
    this.#slot(level, place).append(waiting);
    waiting.level = level;
    this.#count(level, 1);
    return place * span;
  }

  /** The slot of a place on a level; places go on, and slots come round. */
  #slot(level: number, place: number): Link {
    const slot = this.#slots[level * SLOTS + (place % SLOTS)];
    if (slot === undefined) throw new RangeError(`there is no place ${place} on level ${level}`);
    return slot;
  }

  #callOff(waiting: Waiting): void {
    if (!waiting.isWaiting) return;
    this.#take(waiting);
    const wasAlone = waiting.before === waiting.behind;
    if (wasAlone) this.#armNext();
  }

  /** Nobody is woken for what was called off. */
  #armNext(): void {
    const isTurning = this.#armed === Number.NEGATIVE_INFINITY;
    if (isTurning) return;
    const next = this.#waiting === 0 ? Number.POSITIVE_INFINITY : this.#next();
    if (next === this.#armed) return;
    this.#rest();
    this.#arm(next);
  }

  #take(waiting: Waiting): void {
    waiting.isWaiting = false;
    this.#waiting -= 1;
    this.#lift(waiting);
  }

  #lift(waiting: Waiting): void {
    waiting.unlink();
    this.#count(waiting.level, -1);
  }

  #count(level: number, by: 1 | -1): void {
    this.#onLevel[level] = (this.#onLevel[level] ?? 0) + by;
  }

  #rest(): void {
    this.#disarm();
    this.#armed = Number.POSITIVE_INFINITY;
  }

  #arm(tick: number): void {
    if (tick >= this.#armed) return;
    this.#disarm();
    this.#armed = tick;
    const delay = Math.max(0, tick * TICK_MS - this.#clock.monotonic());
    this.#disarm = this.#clock.after(delay, () => this.#turn());
  }

  /** A timer may come a little early: then there is nothing to do yet but to wait on. */
  #turn(): void {
    const now = this.#clock.monotonic() / TICK_MS + ROUNDING;
    // While tasks run, what they arm is armed at the end.
    this.#armed = Number.NEGATIVE_INFINITY;
    try {
      for (let tick = this.#next(); tick <= now; tick = this.#next()) this.#begin(tick);
    } finally {
      this.#armed = Number.POSITIVE_INFINITY;
      this.#armNext();
    }
  }

  /** What lies between was empty. */
  #begin(tick: number): void {
    this.#done = tick;
    for (let level = LEVELS - 1; level > 0; level -= 1) this.#bringDown(level);
    const slot = this.#slot(0, this.#done);
    for (let first = slot.behind; first !== slot; first = slot.behind) {
      const waiting = first as Waiting;
      this.#take(waiting);
      waiting.task();
    }
  }

  /** Where a slot of this level begins, what is in it is put anew. */
  #bringDown(level: number): void {
    const span = spanOf(level);
    if (this.#done % span !== 0) return;
    const slot = this.#slot(level, this.#done / span);
    for (let first = slot.behind; first !== slot; first = slot.behind) {
      this.#lift(first as Waiting);
      this.#put(first as Waiting);
    }
  }

  /** The next tick at which a slot begins in which somebody is. */
  #next(): number {
    return Math.min(this.#nextOn(0), this.#nextOn(1), this.#nextOn(2));
  }

  #nextOn(level: number): number {
    if (this.#onLevel[level] === 0) return Number.POSITIVE_INFINITY;
    const span = spanOf(level);
    const place = Math.floor(this.#done / span);
    for (let ahead = 1; ahead <= SLOTS; ahead += 1)
      if (!this.#slot(level, place + ahead).isAlone) return (place + ahead) * span;
    return Number.POSITIVE_INFINITY;
  }
}

/** The ticks of a slot. */
function spanOf(level: number): number {
  return SLOTS ** level;
}

function levelOf(ahead: number): number {
  if (ahead < SLOTS) return 0;
  return ahead < SLOTS ** 2 ? 1 : 2;
}
