/**
 * One subscriber's way through the log of a group: a cursor, and who moves it.
 *
 * ```
 *                ┌──────── the hub reaches the cursor: caught_up ────────┐
 *  subscribed ─▶ catchup: reads the log at the client's pace              ▼
 *                ▲                                                      live: batches of the hub
 *                └──────── the hub slid past it: fell_behind ────────────┘
 *                │
 *                └─▶ compacted: the log no longer holds what comes next
 * ```
 *
 * Every frame of entries names the index the frame before it ended at (`prev`), so a client sees a gap at
 * once. What a filter leaves out is covered by the next frame, or by the next `progress` (I6).
 */
import { Compacted } from '../../log/fault.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import { decodeEntry } from '../../log/command.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import type { RecordedEntry } from '../../protocols/coordinator/history.ts';
import { recordedEntryJson } from '../wire/entry.ts';
import { type Batch, type Filter, Gathering, type Item } from './batch.ts';
import type { Hub } from './hub.ts';
import type { Outlet } from './outlet.ts';

/** The subscription that the address itself asks for. */
const IMPLICIT = 1;
const FRAME_END = Buffer.from(']}');
/** Until the log is asked again that did not have what it will have in a moment. */
const LOOK_AGAIN_MS: Milliseconds = 10;

export interface SubscriptionOptions {
  readonly group: Group;
  readonly hub: Hub;
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly after: number;
  readonly filter: Filter;
  /** The oldest index the log still holds. */
  readonly oldest: number;
  /** The subscription cannot go on: its client resumes elsewhere, or not at all. */
  readonly onEnd: (end: SubscriptionEnd) => void;
}

export type SubscriptionEnd =
  | {
      readonly kind: 'compacted';
      readonly requested: number;
      readonly oldest: number;
      readonly snapshot?: number;
    }
  | { readonly kind: 'failed'; readonly error: unknown };

type State = 'live' | 'catchup' | 'stopped';

export class Subscription {
  readonly #options: SubscriptionOptions;
  #state: State;
  /** The last index looked at, and when it was stamped. */
  #covered: number;
  #coveredAt: number;
  /** The last index the client was told of. */
  #told: number;
  #frames = 0;
  #reading: Promise<void> | undefined;
  #leave: () => void = () => undefined;
  #room: () => void = () => undefined;
  #cancelLook: () => void = () => undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.#covered = options.after;
    this.#told = options.after;
    this.#coveredAt = options.clock.now();
    this.#state = 'live';
  }

  /** Where a client resumes. */
  get covered(): number {
    return this.#told;
  }

  start(): void {
    const { hub, group, after, outlet, oldest } = this.#options;
    this.#leave = hub.join(() => this.pump());
    if (!hub.reaches(after)) this.#state = 'catchup';
    outlet.message({
      kind: 'subscribed',
      id: IMPLICIT,
      after,
      head: group.machine.position.index,
      oldest,
      mode: this.#state,
    });
    this.progress();
    this.pump();
  }

  /** Says how far it is: the heartbeat. */
  progress(): void {
    const { group, outlet, clock } = this.#options;
    const head = group.machine.position.index;
    const entries = head - this.#covered;
    const ms = entries === 0 ? 0 : Math.max(0, clock.now() - this.#coveredAt);
    this.#told = this.#covered;
    outlet.message({
      kind: 'progress',
      id: IMPLICIT,
      covered: this.#covered,
      head,
      lag: { entries, ms },
    });
  }

  /** Moves on as far as the client has room. Called when there is news, and when there is room. */
  pump(): void {
    this.#room();
    if (this.#reading !== undefined || this.#state === 'stopped') return;
    if (this.#options.hub.reaches(this.#covered)) this.#fromHub();
    else this.#reading = this.#fromLog();
  }

  /** Resolves when nothing of it is under way any more. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#cancelLook();
    this.#leave();
    this.#room();
    await this.#reading;
  }

  #fromHub(): void {
    const { hub, outlet, filter } = this.#options;
    this.#becomeLive();
    while (outlet.hasRoom) {
      const batch = hub.batch(this.#covered, filter);
      if (batch === undefined) return;
      this.#send(batch);
    }
  }

  #becomeLive(): void {
    if (this.#state !== 'catchup') return;
    this.#state = 'live';
    this.#options.outlet.message({ kind: 'caught_up', id: IMPLICIT, at: this.#covered });
  }

  async #fromLog(): Promise<void> {
    this.#fallBehind();
    const before = this.#covered;
    try {
      await this.#readOn();
    } catch (error) {
      this.#options.onEnd(this.#endFor(error));
      return;
    } finally {
      this.#reading = undefined;
    }
    if (this.#covered === before) this.#lookAgain();
    else this.pump();
  }

  /**
   * The log had nothing, though more is applied: a snapshot of a peer is being taken in, and the log goes on behind it
   * in a moment. To ask at once, and again, would let nothing else happen, that moment included.
   */
  #lookAgain(): void {
    if (this.#state === 'stopped') return;
    this.#cancelLook();
    this.#cancelLook = this.#options.clock.after(LOOK_AGAIN_MS, () => this.pump());
  }

  #fallBehind(): void {
    if (this.#state !== 'live') return;
    this.#state = 'catchup';
    const reason = 'client_slow';
    this.#options.outlet.message({ kind: 'fell_behind', id: IMPLICIT, at: this.#covered, reason });
  }

  /** Reads until the hub reaches the cursor, or to what was newest when it began. */
  async #readOn(): Promise<void> {
    const { group, hub } = this.#options;
    for await (const chunk of group.history.read(this.#covered + 1, {})) {
      await this.#sendAll(chunk);
      if (this.#state === 'stopped' || hub.reaches(this.#covered)) return;
    }
  }

  async #sendAll(chunk: readonly RecordedEntry[]): Promise<void> {
    for (const batch of batchesOf(chunk, this.#options.filter)) {
      await this.#untilRoom();
      if (this.#state === 'stopped') return;
      this.#send(batch);
    }
  }

  async #untilRoom(): Promise<void> {
    while (!this.#options.outlet.hasRoom && this.#state !== 'stopped')
      await new Promise<void>((resolve) => {
        this.#room = resolve;
      });
  }

  #send({ covered, at, count, items }: Batch): void {
    this.#covered = covered;
    this.#coveredAt = at;
    if (count === 0) return;
    this.#frames += 1;
    const start =
      `{"kind":"entries","id":${IMPLICIT},"n":${this.#frames},` +
      `"prev":${this.#told},"last":${covered},"items":[`;
    this.#told = covered;
    this.#options.outlet.frame(Buffer.concat([Buffer.from(start), items, FRAME_END]));
  }

  #endFor(error: unknown): SubscriptionEnd {
    if (!(error instanceof Compacted)) return { kind: 'failed', error };
    const { oldest, snapshot } = error;
    const known = snapshot === undefined ? {} : { snapshot };
    return { kind: 'compacted', requested: this.#covered, oldest, ...known };
  }
}

function* batchesOf(chunk: readonly RecordedEntry[], filter: Filter): Generator<Batch> {
  let gathering = new Gathering(filter);
  for (const recorded of chunk) {
    gathering.look(itemOf(recorded));
    if (!gathering.isFull) continue;
    yield gathering.batch();
    gathering = new Gathering(filter);
  }
  const rest = gathering.batch();
  if (rest.covered > 0) yield rest;
}

function itemOf({ frame, outcome }: RecordedEntry): Item {
  const entry = decodeEntry(frame);
  const { index, at, type } = entry;
  return { index, at, type, json: () => JSON.stringify(recordedEntryJson(entry, outcome)) };
}
