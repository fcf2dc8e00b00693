/**
 * What the nodes of a cluster together take for the time: the median of their wall clocks. A leader stamps
 * entries by it, so one clock that is an hour wrong neither ends leases nor freezes them.
 *
 * ```
 *   asked at 100 (mine) ─────────▶ "7 305" (theirs)       offset: 7 305 − 120 = 7 185
 *   heard at 140 (mine) ◀────────────┘                    the middle of asking and hearing: 120
 *
 *   offsets of all, mine (0) among them   −3   0   7 185      median 0: the others agree with me
 *                                         −7 188  −7 185  0   median −7 185: I am the one who is wrong
 * ```
 *
 * What was heard of a peer holds until it is heard again; of an even number the one in the middle that is
 * nearer to this node's own clock counts. A node that knows nobody yet goes by its own.
 *
 * A node whose own clock is more than two seconds off says so, and leaves leading to others
 * (`stepping-aside.ts`): what it stamps is right only as long as it hears them.
 */
import type { Clock, Milliseconds } from '../../log/time.ts';
import { Loop, type LoopStatus } from '../coordinator/loop.ts';
import type { ClockReport } from '../engine.ts';
import type { Exchange } from './exchange.ts';

const CLOCK_TOPIC = 'clock';
const LOOK_MS: Milliseconds = 2_000;
/** An answer that took longer says too little about when it was given. */
const ANSWER_MS_MAX: Milliseconds = 1_000;
/** A clock that is further from the middle is wrong. */
const OFF_MS: Milliseconds = 2_000;
/** Of the span between two elections' timeouts: where in it who should not lead waits. */
const LAST_TENTH = 0.9;

export interface PeerClocksOptions {
  readonly clock: Clock;
  readonly exchange: Pick<Exchange, 'answer' | 'askNode'>;
  /** The ids of the other voters. */
  readonly peers: () => readonly string[];
  /** This node's own clock went wrong, or is right again. */
  readonly onTurned?: (report: ClockReport) => void;
}

/** A clock like the node's own, but for what it takes for the time. */
export class PeerClocks implements Clock {
  readonly #options: PeerClocksOptions;
  readonly #loop: Loop;
  /** By peer: as many as there are voters. */
  #offsets: ReadonlyMap<string, Milliseconds> = new Map();
  /** The middle of them and of this node's own: every entry is stamped with it. */
  #correction: Milliseconds = 0;

  constructor(options: PeerClocksOptions) {
    this.#options = options;
    const { clock, exchange } = options;
    exchange.answer(CLOCK_TOPIC, () => Promise.resolve([Math.round(clock.now())]));
    this.#loop = new Loop({
      name: 'peer-clocks',
      clock,
      interval: LOOK_MS,
      run: () => this.#look(),
    });
  }

  start(): void {
    this.#loop.start().poke();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  status(): LoopStatus {
    return this.#loop.status();
  }

  /** How far this node's own wall clock is behind the others, in whole milliseconds; ahead of them: below zero. */
  get correction(): Milliseconds {
    return this.#correction;
  }

  /** Whether this node's own clock is wrong. */
  get isOff(): boolean {
    return isFar(this.#correction);
  }

  /** Whether the clock of a peer is known, and is not wrong. */
  isRight(peer: string): boolean {
    const offset = this.#offsets.get(peer);
    return offset !== undefined && !isFar(offset - this.#correction);
  }

  report(): ClockReport {
    // Not 0 - 0, which is shown as -0 by some.
    const offset_ms = this.#correction === 0 ? 0 : -this.#correction;
    return { offset_ms, is_off: this.isOff, heard: this.#offsets.size };
  }

  /**
   * Draws how long to wait for a leader before asking for votes, as a share of what may be waited: with a
   * wrong clock, almost all of it, so that others ask first; and still by chance, or two of them would
   * ask together for ever.
   */
  draw(random: number): number {
    return this.isOff ? LAST_TENTH + random * (1 - LAST_TENTH) : random;
  }

  now(): Milliseconds {
    return this.#options.clock.now() + this.correction;
  }

  monotonic(): Milliseconds {
    return this.#options.clock.monotonic();
  }

  after(delay: Milliseconds, task: () => void): () => void {
    return this.#options.clock.after(delay, task);
  }

  async #look(): Promise<void> {
    const known = this.#offsets;
    const peers = this.#options.peers();
    const heard = await Promise.all(peers.map((peer) => this.#offsetOf(peer)));
    const offsets = peers.map((peer, place) => [peer, heard[place] ?? known.get(peer)] as const);
    this.#offsets = new Map(offsets.filter(isKnown));
    const wasOff = this.isOff;
    this.#correction = middleOf([0, ...this.#offsets.values()]);
    if (this.isOff !== wasOff) this.#options.onTurned?.(this.report());
  }

  async #offsetOf(peer: string): Promise<Milliseconds | undefined> {
    const { clock, exchange } = this.#options;
    const [asked, wall] = [clock.monotonic(), clock.now()];
    try {
      const theirs = (await exchange.askNode({ nodeId: peer }, CLOCK_TOPIC, [])).whole();
      const took = clock.monotonic() - asked;
      return took > ANSWER_MS_MAX ? undefined : theirs - Math.round(wall + took / 2);
    } catch {
      // Not there, or too old to know the question: what was heard before holds.
      return undefined;
    }
  }
}

type Offset = readonly [peer: string, offset: Milliseconds];

function isKnown(entry: readonly [string, Milliseconds | undefined]): entry is Offset {
  return entry[1] !== undefined;
}

function isFar(offset: Milliseconds): boolean {
  return Math.abs(offset) > OFF_MS;
}

/** The median; of two in the middle, the one nearer to nothing. */
export function middleOf(offsets: readonly Milliseconds[]): Milliseconds {
  const sorted = offsets.toSorted((one, other) => one - other);
  const low = sorted[(sorted.length - 1) >> 1] as Milliseconds;
  const high = sorted[sorted.length >> 1] as Milliseconds;
  return Math.abs(low) <= Math.abs(high) ? low : high;
}
