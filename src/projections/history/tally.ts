/** What is in a log, counted: entries by type and by term, bytes, the time they span. */
import type { Entry } from '../../log/command.ts';
import type { SeenEntry } from '../../log/sighting.ts';

export interface Counts {
  readonly entries: number;
  /** Of all frames. */
  readonly bytes: number;
  /** Entries whose outcome is not recorded: they are decided again. */
  readonly unrecorded: number;
  /** The newest and the oldest entry that can be read; undefined in an empty log. */
  readonly oldest: Entry | undefined;
  readonly newest: Entry | undefined;
  readonly types: ReadonlyMap<string, number>;
  readonly terms: ReadonlyMap<number, number>;
}

function countOne<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

export class Tally implements Counts {
  readonly types = new Map<string, number>();
  readonly terms = new Map<number, number>();
  entries = 0;
  bytes = 0;
  unrecorded = 0;
  oldest: Entry | undefined;
  newest: Entry | undefined;

  /** Counts something that is there, readable or not. */
  see({ frame, outcome }: SeenEntry): void {
    this.entries += 1;
    this.bytes += frame.length;
    this.unrecorded += Number(outcome === undefined);
  }

  /** Counts what it says. */
  read(entry: Entry): void {
    countOne(this.types, entry.type);
    countOne(this.terms, entry.term);
    this.oldest ??= entry;
    this.newest = entry;
  }
}
