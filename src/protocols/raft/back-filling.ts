/**
 * History that a snapshot jumped over, fetched afterwards from a peer that still has it, so that every
 * node can serve every audit. Backwards, page by page, in the background.
 *
 * ```
 *   asked of a peer            ◀── floor        log
 *   [ 1 … 256 ][ 257 … 512 ][ 513 … 700 ]│[ 701 …
 *
 *   question  ["history", group, incarnation, to]
 *   answer    ["entries", first, term before, frames, outcome page or empty] | ["none"] | ["later"]
 * ```
 *
 * Frames must be whole and end where the log begins; an outcome page must have the digest that the page
 * above it goes on from. Only a node that keeps its whole log asks, until it has everything or all others have
 * said that they have no more; who could not answer, or answered wrongly, is asked again.
 */
import { placeOf, readFrame } from '../../log/frame.ts';
import type { Position } from '../../log/floor.ts';
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
/** Until those are asked again who could not answer. */
const AGAIN_MS: Milliseconds = 1_000;

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

/** What came of asking. */
type Result = 'taken' | 'nobody has more' | 'not now';

export class BackFilling {
  readonly #options: BackFillingOptions;
  #restsUntil: Milliseconds = 0;
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
    const { clock } = this.#options;
    if (clock.monotonic() < this.#restsUntil) return;
    const result = await this.#askAround(this.#floor);
    if (result === 'not now') this.#restsUntil = clock.monotonic() + AGAIN_MS;
    // Either everything is here, or nobody has what is missing: this run is the last.
    if (result === 'nobody has more') void this.stop();
  }

  /** Takes the first answer that holds what ends at this index. */
  async #askAround(to: number): Promise<Result> {
    const results = new Set<Result>();
    for (const peer of this.#whoMayHave(to)) {
      results.add(await this.#askOne(peer, to));
      if (results.has('taken')) return 'taken';
    }
    return results.has('not now') ? 'not now' : 'nobody has more';
  }

  #whoMayHave(to: number): readonly string[] {
    return to === 0 ? [] : this.#options.peers();
  }

  async #askOne(peer: string, to: number): Promise<Result> {
    const { exchange, group, onError } = this.#options;
    const question = { group, topic: HISTORY_TOPIC, values: [to] };
    try {
      return await this.#takeFrom(await exchange.ask(peer, question, ANSWER_MS));
    } catch (error) {
      onError(error);
      return 'not now';
    }
  }

  async #takeFrom(answer: Fields): Promise<Result> {
    const word = answer.text();
    if (word === 'none') return 'nobody has more';
    if (word !== 'entries') return 'not now';
    await this.#take(pastIn(answer));
    return 'taken';
  }

  async #take({ first, termBefore, frames, page }: Past): Promise<void> {
    const { log, group } = this.#options;
    const floor = log.floor(group);
    assertLeadsTo(frames, first, floor);
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

function pastIn(answer: Fields): Past {
  const [first, termBefore] = [answer.whole(), answer.whole()];
  // What is kept must not hold on to the buffer of the socket.
  return {
    first,
    termBefore,
    frames: Buffer.from(answer.bytes()),
    page: Buffer.from(answer.bytes()),
  };
}

/** @throws BadMessage where the frames are not the whole way from `first` to the floor, within a page */
function assertLeadsTo(frames: Buffer, first: number, floor: Position): void {
  const { index, term } = lastOf(frames, first);
  if (index !== floor.index || term !== floor.term || first < firstOfPage(pageOf(index)))
    throw new BadMessage('history that does not end where the log begins');
}

/** The last place of these frames, which begin with `first` and follow each other; index 0 if there are none. */
function lastOf(frames: Buffer, first: number): Position {
  let last: Position = { index: 0, term: 0 };
  for (let offset = 0, next = first; offset < frames.length; next += 1) {
    const read = readFrame(frames, offset);
    if (read.kind !== 'frame' || placeOf(read.frame).index !== next)
      throw new BadMessage('history that is not what was sealed');
    last = placeOf(read.frame);
    offset = read.next;
  }
  return last;
}
