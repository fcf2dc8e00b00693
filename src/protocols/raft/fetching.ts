/**
 * Entries that have left memory and that a follower still needs, read from the disk: one chunk for each
 * follower at a time, since the core asks again for what follows.
 */
import type { GroupId } from '../../log/group.ts';
import { Compacted } from '../../log/fault.ts';
import type { Log } from '../../log/log.ts';
import { splitFrames } from '../../log/split-frames.ts';
import type { Entry } from './core/entry.ts';
import type { Fetch, Input } from './core/input.ts';
import { entryOf } from './frames.ts';

export interface FetchingOptions {
  readonly log: Log;
  readonly group: GroupId;
  /** Whether the whole log is kept. */
  readonly keepsHistory: boolean;
  readonly step: (input: Input) => void;
  readonly onFault: (fault: Error) => void;
}

export class Fetching {
  readonly #options: FetchingOptions;
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: FetchingOptions) {
    this.#options = options;
  }

  fetch(wanted: Fetch): void {
    const fetched = this.#fetch(wanted).catch((fault: unknown) =>
      this.#options.onFault(fault as Error),
    );
    this.#underWay.add(fetched);
    void fetched.then(() => this.#underWay.delete(fetched));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #fetch({ peer, from, bytes }: Fetch): Promise<void> {
    const isLong = await this.#isLongerThanSnapshot(from);
    const entries = isLong ? [] : await this.#read(from, bytes);
    this.#options.step({ kind: 'fetched', peer, from, entries });
  }

  /** The follower may hold what is still missing here, and a snapshot would take it from there too. */
  get #isCopying(): boolean {
    const { log, group, keepsHistory } = this.#options;
    return keepsHistory && log.floor(group).index > 0;
  }

  /** None where they are compacted: the follower then gets a snapshot. */
  async #read(from: number, bytes: number): Promise<readonly Entry[]> {
    const { log, group } = this.#options;
    try {
      for await (const chunk of log.read(group, from, { bytes, uncommitted: true }))
        return splitFrames(chunk.frames).map(entryOf);
    } catch (error) {
      if (!(error instanceof Compacted)) throw error;
    }
    return [];
  }

  /** A snapshot is then sent, as if they were compacted. */
  async #isLongerThanSnapshot(from: number): Promise<boolean> {
    const { log, group } = this.#options;
    if (this.#isCopying) return false;
    const [newest] = await log.snapshots(group).list();
    if (newest === undefined || newest.index <= from) return false;
    const above = await log.bytesFrom(group, newest.index);
    return (await log.bytesFrom(group, from)) - above > newest.bytes;
  }
}
