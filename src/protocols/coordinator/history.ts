/**
 * Committed entries with what they led to, as they are stored: what streams, logs and audits read.
 */
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { decodeOutcomePage, pageOf, PAGE_ENTRIES } from '../../log/outcome-page.ts';
import { splitFrames } from '../../log/split-frames.ts';
import { placeOf } from '../../log/frame.ts';
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
    const outcomes = new OutcomeReader(this.#log, this.#group, this.#machine);
    for await (const chunk of this.#log.read(this.#group, from, { ...range, to }))
      yield await outcomes.join(splitFrames(chunk.frames));
  }

  /** Entries above the newest applied one are nobody's to see yet. */
  #last({ to = Number.POSITIVE_INFINITY }: HistoryRange): number {
    return Math.min(to, this.#machine.position.index);
  }

  /** The encoded outcome of one applied entry. */
  async outcome(index: number): Promise<Uint8Array> {
    return new OutcomeReader(this.#log, this.#group, this.#machine).at(index);
  }
}

/** Reads outcomes from memory where they are recent, else page by page from the store. */
class OutcomeReader {
  readonly #log: Log;
  readonly #group: GroupId;
  readonly #machine: Machine;
  #page = -1;
  #outcomes: readonly Uint8Array[] = [];

  constructor(log: Log, group: GroupId, machine: Machine) {
    this.#log = log;
    this.#group = group;
    this.#machine = machine;
  }

  /** Puts each frame beside its outcome. */
  async join(frames: readonly Buffer[]): Promise<readonly RecordedEntry[]> {
    const entries: RecordedEntry[] = [];
    for (const frame of frames) {
      const { index } = placeOf(frame);
      entries.push({ index, frame, outcome: await this.at(index) });
    }
    return entries;
  }

  async at(index: number): Promise<Uint8Array> {
    const recent = this.#machine.outcomeBytes(index);
    if (recent !== undefined) return recent;
    if (pageOf(index) !== this.#page) await this.#load(pageOf(index));
    const outcome = this.#outcomes[(index - 1) % PAGE_ENTRIES];
    if (outcome === undefined) throw new Error(`the outcome of entry ${index} is not recorded`);
    return outcome;
  }

  async #load(page: number): Promise<void> {
    const bytes = await this.#log.outcomePage(this.#group, page);
    if (bytes === undefined) throw new Error(`outcome page ${page} is not recorded`);
    const read = decodeOutcomePage(bytes);
    if (read.kind === 'damaged') throw new Error(`outcome page ${page} is damaged: ${read.reason}`);
    this.#page = page;
    this.#outcomes = read.outcomes;
  }
}
