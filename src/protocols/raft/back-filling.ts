/**
 * History that a snapshot jumped over, fetched afterwards from a peer that still has it, so that every
 * node can serve every audit. Backwards, a few pages at a time, in the background.
 *
 * ```
 *   asked of a peer            ◀── floor        log
 *   [ 1 … 256 ][ 257 … 512 ][ 513 … 700 ]│[ 701 …
 *
 *   question  ["history", group, incarnation, to]
 *   answer    ["entries", first, term before, frames, outcome pages] | ["none"] | ["later"]
 *             an empty page is too long to come along (`long-page.ts`)
 *
 *                     taken, and more below
 *                    ┌──────┐
 *   look, ──▶ copying ◀─────┘ ──── the log is whole ──▶ whole
 *   installed     ▲ │
 *                 │ ├── somebody cannot answer ──▶ waiting ── AGAIN_MS ──┐
 *                 │ └── nobody has it ───────────▶ missing ── REST_MS ───┤
 *                 └──────────────────────────────────────────────────────┘
 * ```
 *
 * Until it is whole, others may be the only ones that hold what is missing here: `status` says so, and
 * `history-holders.ts` keeps the last of them from leaving. A node that trims its log by itself asks nobody.
 */
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import { Loop } from '../coordinator/loop.ts';
import type { HistoryStatus } from '../engine.ts';
import type { Exchange } from './exchange.ts';
import type { Fields } from './fields.ts';
import { HISTORY_TOPIC } from './history-serving.ts';
import { fetchLongPage } from './long-page.ts';
import { newestPageBelow, pagesOf, type Past, pastIn } from './past.ts';

/** Between two questions, so that most of the time goes to everything else: some 80 000 entries a second. */
const PAUSE_MS: Milliseconds = 20;
const ANSWER_MS: Milliseconds = 5_000;
/** Until those are asked again who could not answer. */
const AGAIN_MS: Milliseconds = 1_000;
/** Until it is asked again for what nobody had: it may have come to somebody meanwhile. */
const REST_MS: Milliseconds = 10_000;

export interface BackFillingOptions {
  readonly log: Log;
  readonly group: GroupId;
  readonly exchange: Exchange;
  readonly clock: Clock;
  /** Other nodes, whoever may have it first. */
  readonly peers: () => readonly string[];
  /** The digest that an outcome page must begin with; undefined where it is not known here. */
  readonly digestBefore: (page: number) => Promise<Buffer | undefined>;
  /** Whether a snapshot is about to take the place of the log. */
  readonly host: { readonly isInstalling: boolean };
  /** Whether this node keeps its whole log: any other would only trim what it fetched. */
  readonly keepsHistory: boolean;
  readonly onError: (error: unknown) => void;
}

/** What came of asking. */
type Result = Extract<HistoryStatus['state'], 'copying' | 'missing' | 'waiting'>;

const RESTS_MS = { waiting: AGAIN_MS, missing: REST_MS } as const;

export class BackFilling {
  readonly #options: BackFillingOptions;
  #last: Result = 'copying';
  #loop: Loop | undefined;
  #cancelRest: () => void = () => undefined;
  #stopped = false;

  constructor(options: BackFillingOptions) {
    this.#options = options;
  }

  /** Looks whether anything is missing, and fetches it. */
  look(): void {
    if (!this.#isWanting || this.#isFetching) return;
    this.#cancelRest();
    this.#loop = new Loop({
      name: `history ${this.#options.group.id}`,
      clock: this.#options.clock,
      interval: PAUSE_MS,
      run: () => this.#fetch(),
      onError: this.#options.onError,
    }).start();
  }

  status(): HistoryStatus {
    const { log, group, keepsHistory } = this.#options;
    const missing = this.#floor;
    // A new store has nothing yet, and may be given a snapshot next.
    if (log.bounds(group).last === 0) return { state: 'waiting', missing };
    if (missing === 0) return { state: 'whole', missing };
    return { state: keepsHistory ? this.#last : 'trimmed', missing };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRest();
    await this.#loop?.stop();
  }

  get #isFetching(): boolean {
    return this.#loop !== undefined && this.#loop.status().status !== 'stopped';
  }

  get #isWanting(): boolean {
    return this.#floor > 0 && this.#options.keepsHistory && !this.#stopped;
  }

  get #floor(): number {
    return this.#options.log.floor(this.#options.group).index;
  }

  async #fetch(): Promise<void> {
    const to = this.#floor;
    // Everything is here: this run is the last.
    if (to === 0) return void this.#loop?.stop();
    const result = await this.#askAround(to);
    this.#note(result, to);
    if (result !== 'copying') this.#rest(RESTS_MS[result]);
  }

  /** What nobody waits for does not fill the disk, nor get in the way of a snapshot, or of the end. */
  get #mayAsk(): boolean {
    const { log, host } = this.#options;
    return log.level() === 'none' && !host.isInstalling && !this.#stopped;
  }

  /** Without a timer but the one that ends it. */
  #rest(milliseconds: Milliseconds): void {
    // It may have been stopped while it asked.
    if (!this.#isFetching) return;
    void this.#loop?.stop();
    this.#cancelRest = this.#options.clock.after(milliseconds, () => this.look());
  }

  /** Said once, when it turns out. */
  #note(result: Result, to: number): void {
    const { group, onError } = this.#options;
    const isNew = result !== this.#last;
    this.#last = result;
    if (isNew && result === 'missing')
      onError(new Error(`nobody who takes part has entries 1 to ${to} of ${group.id} any more`));
  }

  /** Takes the first answer that holds what ends at this index. */
  async #askAround(to: number): Promise<Result> {
    const results = new Set<Result>();
    for (const peer of this.#options.peers()) {
      results.add(await this.#askOne(peer, to));
      if (results.has('copying')) return 'copying';
    }
    return results.has('waiting') ? 'waiting' : 'missing';
  }

  async #askOne(peer: string, to: number): Promise<Result> {
    const { exchange, group, onError } = this.#options;
    const question = { group, topic: HISTORY_TOPIC, values: [to] };
    if (!this.#mayAsk) return 'waiting';
    try {
      return await this.#takeFrom(peer, await exchange.ask(peer, question, ANSWER_MS));
    } catch (error) {
      onError(error);
      return 'waiting';
    }
  }

  async #takeFrom(peer: string, answer: Fields): Promise<Result> {
    const word = answer.text();
    if (word === 'none') return 'missing';
    if (word !== 'entries') return 'waiting';
    await this.#take(peer, answer);
    return 'copying';
  }

  async #take(peer: string, answer: Fields): Promise<void> {
    const { log, group, digestBefore } = this.#options;
    const floor = log.floor(group);
    const newest = newestPageBelow(floor.index);
    const past = await this.#withLongPages(peer, pastIn(answer, floor), newest);
    const digest = await digestBefore(newest + 1);
    if (this.#options.host.isInstalling) return;
    for (const { page, encoded } of pagesOf(past, newest, digest ?? Buffer.alloc(0)))
      log.putOutcomePage(group, page, encoded);
    await log.prepend(group, past.chunks, past.floor);
  }

  async #withLongPages(peer: string, past: Past, newest: number): Promise<Past> {
    const { exchange, group } = this.#options;
    const pages: Buffer[] = [];
    for (const [place, bytes] of past.pages.entries()) {
      const wanted = { exchange, group, peer, page: newest - place };
      pages.push(bytes.length === 0 ? await fetchLongPage(wanted) : bytes);
    }
    return { ...past, pages };
  }
}
