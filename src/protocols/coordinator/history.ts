/**
 * Committed entries with what they led to, as they are stored: what streams, logs and audits read.
 */
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import {
  decodeOutcomePage,
  firstOfPage,
  GENESIS_DIGEST,
  type OutcomePageRead,
  PAGE_ENTRIES,
  pageDigest,
  pageOf,
} from '../../log/outcome-page.ts';
import { splitFrames } from '../../log/split-frames.ts';
import { indexOf } from '../../log/frame.ts';
import type { RecordedPages } from '../../log/recorded-pages.ts';
import type { Machine } from '../../projections/machine.ts';

/** One entry as stored: the sealed frame and the encoded outcome. */
export interface RecordedEntry {
  readonly index: number;
  readonly frame: Buffer;
  readonly outcome: Uint8Array;
}

export interface HistoryRange {
  /** The last index wanted; default: the newest applied one. */
  readonly to?: number;
  /** Bytes of frames per chunk. */
  readonly bytes?: number;
}

export class History {
  readonly #log: Log;
  readonly #group: GroupId;
  readonly #machine: Machine;

  constructor(log: Log, group: GroupId, machine: Machine) {
    this.#log = log;
    this.#group = group;
    this.#machine = machine;
  }

  /**
   * Chunks of applied entries from `from` on, oldest first; ends at `to` or at the newest applied.
   * @throws Compacted where the log no longer holds `from`
   */
  async *read(from: number, range: HistoryRange): AsyncGenerator<readonly RecordedEntry[]> {
    const to = this.#last(range);
    if (from > to) return;
    const pages = this.#log.outcomePages(this.#group);
    const outcomes = new OutcomeReader(pages, this.#machine);
    try {
      for await (const chunk of this.#log.read(this.#group, from, { ...range, to }))
        yield await outcomes.join(splitFrames(chunk.frames));
    } finally {
      await pages.close();
    }
  }

  /** Entries above the newest applied one are nobody's to see yet. */
  #last({ to = Number.POSITIVE_INFINITY }: HistoryRange): number {
    return Math.min(to, this.#machine.position.index);
  }

  /** The digest of all outcomes up to an applied entry, as hex: one page is hashed. */
  async digestAt(index: number): Promise<string> {
    const outcomes = new OutcomeReader(this.#log.outcomePages(this.#group), this.#machine);
    const cut: Uint8Array[] = [];
    for (let at = firstOfPage(pageOf(index)); at <= index; at++) cut.push(await outcomes.at(at));
    return pageDigest(await this.#digestBefore(pageOf(index)), cut).toString('hex');
  }

  /** The digest that a page begins with, as the page itself says; undefined where it is not here. */
  async digestBefore(page: number): Promise<Buffer | undefined> {
    const { index, previous_digest: previous } = this.#machine.chainState();
    if (page === pageOf(index + 1)) return Buffer.from(previous);
    // It may be finished, and wait for a batch that carries it.
    await this.#log.flushOutcomes();
    return previousDigestIn(await this.#log.outcomePage(this.#group, page));
  }

  /** The digest at the end of the page before. */
  async #digestBefore(page: number): Promise<Buffer> {
    const { index, previous_digest: previous } = this.#machine.chainState();
    if (page === pageOf(index + 1)) return Buffer.from(previous);
    if (page === 0) return GENESIS_DIGEST;
    return wholePage(page - 1, await this.#log.outcomePage(this.#group, page - 1)).digest;
  }

  /** The encoded outcome of one applied entry. */
  async outcome(index: number): Promise<Uint8Array> {
    // One page is got, not scanned: there is nothing to close.
    return new OutcomeReader(this.#log.outcomePages(this.#group), this.#machine).at(index);
  }
}

type WholePage = Extract<OutcomePageRead, { readonly kind: 'page' }>;

/** Reads outcomes from memory where they are recent, else page by page from the store. */
class OutcomeReader {
  readonly #pages: RecordedPages;
  readonly #machine: Machine;
  #page = -1;
  #outcomes: readonly Uint8Array[] = [];

  constructor(pages: RecordedPages, machine: Machine) {
    this.#pages = pages;
    this.#machine = machine;
  }

  /** Puts each frame beside its outcome. */
  async join(frames: readonly Buffer[]): Promise<readonly RecordedEntry[]> {
    const entries: RecordedEntry[] = [];
    for (const frame of frames) {
      const index = indexOf(frame);
      entries.push({ index, frame, outcome: this.#known(index) ?? (await this.at(index)) });
    }
    return entries;
  }

  async at(index: number): Promise<Uint8Array> {
    if (this.#known(index) === undefined) await this.#load(pageOf(index));
    const outcome = this.#known(index);
    if (outcome === undefined) throw new Error(`the outcome of entry ${index} is not recorded`);
    return outcome;
  }

  /** What can be said without asking the disk. */
  #known(index: number): Uint8Array | undefined {
    const recent = this.#machine.outcomeBytes(index);
    if (recent !== undefined || pageOf(index) !== this.#page) return recent;
    return this.#outcomes[(index - 1) % PAGE_ENTRIES];
  }

  async #load(page: number): Promise<void> {
    this.#outcomes = wholePage(page, await this.#pages.at(page)).outcomes;
    this.#page = page;
  }
}

/** A flipped bit must not be taken for another decision. @throws where it is not there, or not what was put */
function wholePage(page: number, bytes: Buffer | undefined): WholePage {
  if (bytes === undefined) throw new Error(`outcome page ${page} is not recorded`);
  const read = decodeOutcomePage(bytes);
  if (read.kind === 'page') return read;
  throw new Error(`outcome page ${page} is damaged: ${read.reason}`);
}

function previousDigestIn(encoded: Buffer | undefined): Buffer | undefined {
  if (encoded === undefined) return undefined;
  const read = decodeOutcomePage(encoded);
  return read.kind === 'page' ? read.previousDigest : undefined;
}
