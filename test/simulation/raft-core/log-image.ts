/**
 * A log as a disk holds it, without the disk: hard state, what lies before the log, entries. Each node of
 * a simulated world has two of them: what its core asked to be written, and what survives a power cut.
 *
 * ```
 *   snapshot ──────────────┐
 *   1 … floor │ floor+1 … snapshot.index … last
 *   (gone)    │ entries ─────────────────────▶
 * ```
 */
import type { Configuration } from '../../../src/protocols/raft/core/configuration.ts';
import type { Entry, Place } from '../../../src/protocols/raft/core/entry.ts';
import type { HardState, Restored, Write } from '../../../src/protocols/raft/core/input.ts';
import type { SnapshotPlace } from '../../../src/protocols/raft/core/messages.ts';

/** A snapshot of the machine; `digest` stands for everything that was applied up to its place. */
export interface Snapshot {
  readonly place: SnapshotPlace;
  readonly digest: number;
}

export interface ConfigurationAt {
  readonly index: number;
  readonly configuration: Configuration;
}

const NOTHING: HardState = { term: 0, vote: '', commit: 0 };

export class LogImage {
  hard: HardState = NOTHING;
  floor: Place = { term: 0, index: 0 };
  /** `entries[0]` has the index after the floor's. */
  entries: Entry[] = [];
  /** Ascending; the first is what holds at the floor. */
  configurations: ConfigurationAt[] = [];
  snapshot: Snapshot | undefined;

  /** How a new cluster begins: all voters alike. */
  static bootstrapped(configuration: Configuration): LogImage {
    const image = new LogImage();
    image.configurations.push({ index: 0, configuration });
    return image;
  }

  copy(): LogImage {
    const image = new LogImage();
    image.hard = this.hard;
    image.floor = this.floor;
    image.entries = [...this.entries];
    image.configurations = [...this.configurations];
    image.snapshot = this.snapshot;
    return image;
  }

  get last(): Place {
    return this.entries.at(-1) ?? this.floor;
  }

  entry(index: number): Entry | undefined {
    return this.entries[index - this.floor.index - 1];
  }

  termOf(index: number): number | undefined {
    return index === this.floor.index ? this.floor.term : this.entry(index)?.term;
  }

  holds(place: Place): boolean {
    return place.index < this.floor.index || this.termOf(place.index) === place.term;
  }

  /** The members in force for this log: the newest it holds. */
  get configuration(): Configuration | undefined {
    return this.configurations.at(-1)?.configuration;
  }

  /** The members that held at an index, which is not below the floor. */
  configurationAt(index: number): Configuration | undefined {
    return this.configurations.findLast((change) => change.index <= index)?.configuration;
  }

  put(write: Write, snapshot: Snapshot | undefined): void {
    if (write.hard !== undefined) this.hard = write.hard;
    if (snapshot !== undefined) this.#replace(snapshot);
    if (write.truncate_from !== undefined) this.truncate(write.truncate_from);
    for (const entry of write.entries) this.#append(entry);
  }

  truncate(from: number): void {
    const kept = Math.max(0, from - this.floor.index - 1);
    if (kept >= this.entries.length) return;
    this.entries.length = kept;
    const stays = ({ index }: ConfigurationAt): boolean =>
      index < from || index <= this.floor.index;
    this.configurations = this.configurations.filter(stays);
  }

  compact(floor: Place): void {
    if (floor.index <= this.floor.index) return;
    const holding = this.configurationAt(floor.index);
    this.entries = this.entries.slice(floor.index - this.floor.index);
    this.floor = { term: floor.term, index: floor.index };
    const above = this.configurations.filter(({ index }) => index > floor.index);
    this.configurations =
      holding === undefined ? above : [{ index: floor.index, configuration: holding }, ...above];
  }

  restored(): Restored {
    const terms: Place[] = [];
    for (const { term, index } of this.entries)
      if (terms.at(-1)?.term !== term) terms.push({ term, index });
    const { term, index } = this.last;
    return {
      hard: this.hard,
      floor: this.floor,
      terms,
      last: { term, index },
      applied: this.snapshot?.place.index ?? 0,
      configurations: [...this.configurations],
    };
  }

  #append(entry: Entry): void {
    this.entries.push(entry);
    const { index, configuration } = entry;
    if (configuration !== undefined) this.configurations.push({ index, configuration });
  }

  #replace(snapshot: Snapshot): void {
    const { term, index, configuration } = snapshot.place;
    this.floor = { term, index };
    this.entries = [];
    this.configurations = [{ index, configuration }];
    this.snapshot = snapshot;
  }
}
