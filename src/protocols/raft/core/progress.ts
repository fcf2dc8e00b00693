/**
 * What a leader knows of one follower, and how it sends to it.
 *
 * ```
 *            it answers              its next entries are compacted
 *   probe ───────────────▶ replicate ─────────────────────▶ snapshot
 *     ▲  one message,        │  many in flight,                │  heartbeats only
 *     │  then silence        │  bounded                        │
 *     ├──── refused, ────────┘                                 │
 *     │     unreachable                                        │
 *     └──────────────── sent, failed, or caught up ────────────┘
 * ```
 *
 * Invariant: match < next. `match` never falls: what a follower has on its disk, it keeps.
 */
import { Flight } from './flight.ts';
import type { Bounds } from './input.ts';

export type ProgressState =
  /** `asked`: a probe is out; the next one leaves with the next heartbeat. */
  | { readonly kind: 'probe'; asked: boolean }
  | { readonly kind: 'replicate' }
  /** The log goes on for whoever has it up to `atLeast`; below, a snapshot has to come first. */
  | { readonly kind: 'snapshot'; readonly atLeast: number };

const REPLICATE: ProgressState = { kind: 'replicate' };

export class Progress {
  /** The store its answers must come from. */
  readonly store: string;
  readonly flight = new Flight();
  state: ProgressState = { kind: 'probe', asked: false };
  /** On the follower's disk, and equal to the leader's log, up to here. */
  match = 0;
  /** The first entry to be sent next. */
  next: number;
  lastContact: number;
  /** The newest read round it answered. */
  round = 0;
  /** The newest it was told of. */
  toldRound = 0;
  toldCommit = 0;
  /** A heartbeat is due, whatever else there is to say; to one that is probed it is the next probe. */
  beatDue = false;
  /** Its next entries are being read from the disk. */
  fetching = false;

  constructor(store: string, next: number, now: number) {
    this.store = store;
    this.next = next;
    this.lastContact = now;
  }

  /** It said, or proved by its answer, that it has everything up to here. @returns whether that is news */
  accepted(match: number): boolean {
    const news = match > this.match;
    this.match = Math.max(this.match, match);
    this.next = Math.max(this.next, match + 1);
    this.flight.landed(match);
    if (this.#connects()) this.state = REPLICATE;
    return news;
  }

  /** Its log differs at `previous`; what is up to `hint` may match. Late refusals change nothing. */
  rejected(previous: number, hint: number): void {
    if (this.#isLate(previous)) return;
    this.probe(Math.min(previous, hint + 1));
  }

  /** What was in flight may be lost. */
  lost(): void {
    if (this.state.kind === 'replicate') this.probe(this.match + 1);
  }

  probe(next: number): void {
    this.state = { kind: 'probe', asked: false };
    this.next = Math.max(next, this.match + 1);
    this.flight.clear();
  }

  awaitSnapshot(atLeast: number): void {
    this.state = { kind: 'snapshot', atLeast };
    this.flight.clear();
  }

  /** The transfer failed: it is tried again with the next heartbeat. */
  snapshotFailed(): void {
    this.probe(this.match + 1);
    this.state = { kind: 'probe', asked: true };
  }

  isPaused(bounds: Bounds): boolean {
    return PAUSED[this.state.kind](this, bounds);
  }

  /** Enough is on its way: what is to be sent gathers until it fills a message, or until an answer comes. */
  gathers({ eager_messages: eager }: Bounds): boolean {
    return this.state.kind === 'replicate' && this.flight.messages >= eager;
  }

  /** A message with entries up to `last` is on its way. */
  sent(last: number, bytes: number): void {
    if (this.state.kind === 'probe') {
      this.state.asked = true;
      return;
    }
    this.next = last + 1;
    this.flight.add(last, bytes);
  }

  /** Whatever snapshot is on its way, one that the log continues is as good. */
  #connects(): boolean {
    return this.state.kind !== 'snapshot' || this.match >= this.state.atLeast;
  }

  #isLate(previous: number): boolean {
    if (previous <= this.match || this.state.kind === 'snapshot') return true;
    return this.state.kind === 'probe' && previous !== this.next - 1;
  }
}

const PAUSED: Record<ProgressState['kind'], (progress: Progress, bounds: Bounds) => boolean> = {
  probe: ({ state }) => state.kind === 'probe' && state.asked,
  replicate: ({ flight, fetching }, bounds) =>
    fetching ||
    flight.messages >= bounds.in_flight_messages ||
    flight.bytes >= bounds.in_flight_bytes,
  snapshot: () => true,
};
