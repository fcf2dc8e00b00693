/**
 * History that a snapshot jumped over, fetched afterwards from a peer that still has it, so that every
 * node can serve every audit. Backwards, page by page, in the background.
 *
 * ```
 *   asked of a peer            ◀── floor        log
 *   [ 1 … 256 ][ 257 … 512 ][ 513 … 700 ]│[ 701 …
 *
 *   question  ["history", group, incarnation, to]
 *   answer    ["entries", first, term before, frames, outcome page or empty] | ["none"]
 * ```
 *
 * Frames must be whole and end where the log begins; an outcome page must have the digest that the page
 * above it goes on from. Only a node that keeps its whole log asks.
 */
import { placeOf, readFrame } from '../../log/frame.ts';
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { decodeOutcomePage, firstOfPage, PAGE_ENTRIES, pageOf } from '../../log/outcome-page.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import { Loop } from '../coordinator/loop.ts';
import type { Exchange } from './exchange.ts';
import { BadMessage, type Fields } from './fields.ts';
import { HISTORY_TOPIC } from './history-serving.ts';

/** How long it rests between two questions, and so how little it takes from the rest. */
const REST_MS: Milliseconds = 50;
const ANSWER_MS: Milliseconds = 5_000;

export interface BackFillingOptions {
  readonly log: Log;
  readonly group: GroupId;
  readonly exchange: Exchange;
  readonly clock: Clock;
  /** Other nodes, whoever may have it first. */
  readonly peers: () => readonly string[];
  /** The digest that an outcome page must begin with; undefined where it is not known here. */
  readonly digestBefore: (page: number) => Promise<Buffer | undefined>;
  /** Whether this node keeps its whole log: any other would only trim what it fetched. */
  readonly keepsHistory: boolean;
  readonly onError: (error: unknown) => void;
}

interface Past {
  readonly first: number;
  readonly termBefore: number;
  readonly frames: Buffer;
  readonly page: Buffer;
}

export class BackFilling {
  readonly #options: BackFillingOptions;
  #loop: Loop | undefined;

  constructor(options: BackFillingOptions) {
    this.#options = options;
  }

  /** Looks whether anything is missing, and fetches it. */
  look(): void {
    if (this.#floor === 0 || !this.#options.keepsHistory || this.#isFetching) return;
    this.#loop = new Loop({
      name: `history ${this.#options.group.id}`,
      clock: this.#options.clock,
      interval: REST_MS,
      run: () => this.#fetch(),
      onError: this.#options.onError,
    }).start();
  }

  async stop(): Promise<void> {
    await this.#loop?.stop();
  }

  get #isFetching(): boolean {
    return this.#loop !== undefined && this.#loop.status().status !== 'stopped';
  }

  get #floor(): number {
    return this.#options.log.floor(this.#options.group).index;
  }

  async #fetch(): Promise<void> {
    const past = this.#floor === 0 ? undefined : await this.#askAround(this.#floor);
    // Either everything is here, or nobody has what is missing: this run is the last.
    if (past === undefined) void this.stop();
    else await this.#take(past);
  }

  /** The first answer of a peer that has what ends at this index. */
  async #askAround(to: number): Promise<Past | undefined> {
    for (const peer of this.#options.peers()) {
      const past = await this.#ask(peer, to);
      if (past !== undefined) return past;
    }
    return undefined;
  }

  async #ask(peer: string, to: number): Promise<Past | undefined> {
    const { exchange, group } = this.#options;
    const question = { group, topic: HISTORY_TOPIC, values: [to] };
    try {
      return pastIn(await exchange.ask(peer, question, ANSWER_MS));
    } catch (error) {
      this.#options.onError(error);
      return undefined;
    }
  }

  async #take({ first, termBefore, frames, page }: Past): Promise<void> {
    const { log, group } = this.#options;
    const floor = log.floor(group);
    assertLeadsTo(frames, first, floor.index);
    // A floor is one whole page or the middle of the page that this machine is filling itself.
    if (floor.index % PAGE_ENTRIES === 0) await this.#keepPage(pageOf(floor.index), page);
    await log.prepend(
      group,
      { first, last: floor.index, frames },
      { index: first - 1, term: termBefore },
    );
  }

  async #keepPage(page: number, encoded: Buffer): Promise<void> {
    const { log, group, digestBefore } = this.#options;
    const expected = await digestBefore(page + 1);
    const read = decodeOutcomePage(encoded);
    if (read.kind !== 'page' || expected?.equals(read.digest) !== true)
      throw new BadMessage(`outcome page ${page} is not the one the page above it goes on from`);
    log.putOutcomePage(group, page, encoded);
  }
}

function pastIn(answer: Fields): Past | undefined {
  if (answer.text() !== 'entries') return undefined;
  const [first, termBefore] = [answer.whole(), answer.whole()];
  // What is kept must not hold on to the buffer of the socket.
  return {
    first,
    termBefore,
    frames: Buffer.from(answer.bytes()),
    page: Buffer.from(answer.bytes()),
  };
}

/** @throws BadMessage where the frames are not the whole way from `first` to `last`, within a page */
function assertLeadsTo(frames: Buffer, first: number, last: number): void {
  const end = endOf(frames, first);
  if (end !== last + 1 || first < firstOfPage(pageOf(last)))
    throw new BadMessage('history that does not end where the log begins');
}

/** The index behind the last of these frames, which begin with `first` and follow each other. */
function endOf(frames: Buffer, first: number): number {
  let next = first;
  for (let offset = 0; offset < frames.length; next += 1) {
    const read = readFrame(frames, offset);
    if (read.kind !== 'frame' || placeOf(read.frame).index !== next)
      throw new BadMessage('history that is not what was sealed');
    offset = read.next;
  }
  return next;
}
