/**
 * One subscriber of the stream, from the first entry to the last, across the death of its node.
 *
 * ```
 *  connect after=last ─▶ entries: prev = last? indices follow? ─▶ fold, last = newest ─┐
 *        ▲                                                            ▲───────────────┘
 *        └── socket closed: wait a little, connect to the next node, or to where the only one is now
 * ```
 *
 * A hole in the indices is a gap, an index at or below the last one a repeat; either would break the
 * stream's promise and fails the demo.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { StreamEntry, Tally } from './tally.ts';

interface EntriesMessage {
  readonly kind: 'entries';
  readonly prev: number;
  readonly last: number;
  readonly items: readonly StreamEntry[];
}

type Message = EntriesMessage | { readonly kind: 'other' };

const RECONNECT_MS = 50;
const LOOK_MS = 20;
const CATCH_UP_MS_MAX = 120_000;

export class Subscriber {
  gaps = 0;
  repeats = 0;
  /** Frames whose `prev` was not the end of the frame before. */
  brokenChains = 0;
  connections = 0;
  /** The nodes it has heard entries from, by their place. */
  readonly heardFrom = new Set<number>();
  readonly #urls: () => readonly string[];
  readonly #tally: Tally;
  readonly #closing = new AbortController();
  #last = 0;
  #socket: WebSocket | undefined;
  #running: Promise<void> | undefined;
  #place = 0;

  constructor(urls: () => readonly string[], tally: Tally) {
    this.#urls = urls;
    this.#tally = tally;
  }

  get last(): number {
    return this.#last;
  }

  /** @param place of the node it begins with */
  start(place: number): void {
    this.#place = place;
    this.#running = this.#run();
  }

  /** Leaves its node without a word, as on a connection that breaks; it goes on at the next. */
  loseNode(): void {
    this.#socket?.terminate();
  }

  /** Waits until the entry at `index` has come. */
  async reaches(index: number): Promise<void> {
    const until = performance.now() + CATCH_UP_MS_MAX;
    while (this.#last < index) {
      if (performance.now() > until)
        throw new Error(`the subscriber is at ${this.#last} and never came to ${index}`);
      await pause(LOOK_MS);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#socket?.terminate();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#connection();
      this.#place += 1;
      await pause(RECONNECT_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  /** One connection, until it ends. */
  #connection(): Promise<void> {
    const urls = this.#urls();
    const place = this.#place % urls.length;
    const url = `${urls[place]}`.replace(/^http/, 'ws');
    const socket = new WebSocket(`${url}/v1/stream?group=main&after=${this.#last}`);
    this.#socket = socket;
    return new Promise((resolve) => {
      socket.on('open', () => (this.connections += 1));
      socket.on('message', (data: Buffer) => this.#frame(place, data.toString('utf8')));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
    });
  }

  #frame(place: number, text: string): void {
    const message = JSON.parse(text) as Message;
    if (message.kind !== 'entries') return;
    this.heardFrom.add(place);
    this.#entries(message);
  }

  #entries({ prev, last, items }: EntriesMessage): void {
    if (prev !== this.#last) this.brokenChains += 1;
    for (const entry of items) this.#entry(entry);
    this.#last = Math.max(this.#last, last);
  }

  #entry(entry: StreamEntry): void {
    if (entry.index <= this.#last) {
      this.repeats += 1;
      return;
    }
    this.gaps += entry.index - this.#last - 1;
    this.#last = entry.index;
    this.#tally.entry(entry);
  }
}
