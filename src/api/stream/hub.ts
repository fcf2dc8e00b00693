/**
 * The hub of one group: the newest entries, as subscribers get them, shared by all of them.
 *
 * ```
 *  applied ─▶ ring (8 192 entries, 16 MiB) ─▶ batches ─▶ subscriber, subscriber, …
 *                    │ slides on                           each with a cursor of its own
 *                    └─▶ whoever is behind it reads the log
 * ```
 *
 * There is no queue per subscriber: a slow one costs a cursor. Nothing is kept, or encoded, while nobody
 * subscribes.
 */
import type { AppliedEntry } from '../../projections/machine.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import { entryJson } from '../wire/entry.ts';
import { type Batch, type Filter, Gathering, type Item } from './batch.ts';

const RING_ENTRIES = 8192;
/** Of stored bytes; as JSON they are about twice as many. */
const RING_BYTES_MAX = 16 * 1024 * 1024;
/** Batches that subscribers who go abreast share; they are forgotten at the next wake-up. */
const SHARED_MAX = 256;

/** A recent entry, encoded when the first subscriber wants it. */
class RecentEntry implements Item {
  readonly index: number;
  readonly at: number;
  readonly type: string;
  readonly bytes: number;
  #applied: AppliedEntry | undefined;
  #json = '';

  constructor(applied: AppliedEntry, bytes: number) {
    this.index = applied.entry.index;
    this.at = applied.entry.at;
    this.type = applied.entry.type;
    this.bytes = bytes;
    this.#applied = applied;
  }

  json(): string {
    if (this.#applied === undefined) return this.#json;
    this.#json = JSON.stringify(entryJson(this.#applied.entry, this.#applied.outcome));
    this.#applied = undefined;
    return this.#json;
  }
}

export class Hub {
  readonly #group: Group;
  readonly #wakes = new Set<() => void>();
  readonly #shared = new Map<string, Batch>();
  #ring: (RecentEntry | undefined)[] = [];
  #first = 0;
  #last = 0;
  #bytes = 0;
  #unlisten: () => void = () => undefined;
  #waking: NodeJS.Immediate | undefined;

  constructor(group: Group) {
    this.#group = group;
  }

  get subscribers(): number {
    return this.#wakes.size;
  }

  /** Calls `wake` soon after entries were applied. @returns the way to leave */
  join(wake: () => void): () => void {
    if (this.#wakes.size === 0) this.#open();
    this.#wakes.add(wake);
    return () => this.#leave(wake);
  }

  /** Whether the entries behind this index are here, as far as there are any. */
  reaches(after: number): boolean {
    return after >= this.#first - 1;
  }

  /** The entries behind an index that the hub reaches; undefined where there are none yet. */
  batch(after: number, filter: Filter): Batch | undefined {
    if (after >= this.#last) return undefined;
    const name = `${after} ${filter.text}`;
    const known = this.#shared.get(name);
    if (known !== undefined) return known;
    const batch = this.#gather(after, filter);
    if (this.#shared.size < SHARED_MAX) this.#shared.set(name, batch);
    return batch;
  }

  #gather(after: number, filter: Filter): Batch {
    const gathering = new Gathering(filter);
    for (let index = after + 1; index <= this.#last && !gathering.isFull; index++)
      gathering.look(this.#at(index));
    return gathering.batch();
  }

  #at(index: number): RecentEntry {
    // Every index from #first to #last has its slot.
    return this.#ring[index % RING_ENTRIES] as RecentEntry;
  }

  #open(): void {
    this.#last = this.#group.machine.position.index;
    this.#first = this.#last + 1;
    this.#unlisten = this.#group.onApplied((applied, frame) => this.#push(applied, frame));
  }

  #leave(wake: () => void): void {
    this.#wakes.delete(wake);
    if (this.#wakes.size > 0) return;
    this.#unlisten();
    clearImmediate(this.#waking);
    this.#waking = undefined;
    this.#shared.clear();
    this.#ring = [];
    this.#bytes = 0;
  }

  #push(applied: AppliedEntry, frame: Buffer): void {
    const entry = new RecentEntry(applied, frame.length + applied.outcomeBytes.length);
    this.#makeRoomFor(entry.index);
    this.#ring[entry.index % RING_ENTRIES] = entry;
    this.#last = entry.index;
    this.#bytes += entry.bytes;
    while (this.#bytes > RING_BYTES_MAX) this.#drop();
    this.#waking ??= setImmediate(() => this.#wake());
  }

  #makeRoomFor(index: number): void {
    if (index !== this.#last + 1) this.#jump(index);
    if (this.#last - this.#first + 1 === RING_ENTRIES) this.#drop();
  }

  /** A snapshot from a peer took the place of entries nobody here has seen: who wants them is told. */
  #jump(to: number): void {
    this.#ring = [];
    this.#bytes = 0;
    this.#first = to;
    this.#last = to - 1;
  }

  #drop(): void {
    this.#bytes -= this.#at(this.#first).bytes;
    this.#ring[this.#first % RING_ENTRIES] = undefined;
    this.#first += 1;
  }

  /** Once per turn, however many entries it applied. */
  #wake(): void {
    this.#waking = undefined;
    this.#shared.clear();
    for (const wake of this.#wakes) wake();
  }
}
