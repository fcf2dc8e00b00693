/**
 * A disk that tells when a write is safe, late, and loses what it had not promised.
 *
 * ```
 *  write 7 8 9 ─▶ [ under way ] ──sync covers 7 8──▶ durable      persisted(8)
 *                       │
 *                   power cut: of what is under way a prefix is there; the next write may be torn:
 *                              hard state only, or cut off before some of its entries
 * ```
 */
import type { Write } from '../../../src/protocols/raft/core/input.ts';
import type { Chance } from './chance.ts';
import { LogImage, type Snapshot } from './log-image.ts';
import type { Scheduler } from './scheduler.ts';

/** Milliseconds a sync takes, drawn from [least, most). */
export interface Latency {
  readonly least: number;
  readonly most: number;
}

export type DiskState =
  | { readonly kind: 'sound'; readonly latency: Latency }
  /** Syncs begin, and none of them ends. */
  | { readonly kind: 'hung' }
  /** The next sync is answered with an error. */
  | { readonly kind: 'failing' };

interface UnderWay {
  readonly write: Write;
  readonly snapshot: Snapshot | undefined;
}

export interface DiskAnswers {
  persisted(writes: readonly Write[]): void;
  failed(): void;
}

export class SimulatedDisk {
  readonly durable: LogImage;
  /** What was asked to be written, whether it is safe or not. */
  readonly issued: LogImage;
  #state: DiskState;
  #underWay: UnderWay[] = [];
  #syncing = false;
  #doomed = false;
  readonly #scheduler: Scheduler;
  readonly #chance: Chance;
  readonly #answers: DiskAnswers;
  #powered = true;

  constructor(parts: {
    readonly image: LogImage;
    readonly state: DiskState;
    readonly scheduler: Scheduler;
    readonly chance: Chance;
    readonly answers: DiskAnswers;
  }) {
    this.durable = parts.image;
    this.issued = parts.image.copy();
    this.#state = parts.state;
    this.#scheduler = parts.scheduler;
    this.#chance = parts.chance;
    this.#answers = parts.answers;
  }

  /** It failed, or is about to. */
  get failing(): boolean {
    return this.#doomed || this.#state.kind === 'failing';
  }

  append(write: Write, snapshot: Snapshot | undefined): void {
    this.issued.put(write, snapshot);
    this.#underWay.push({ write, snapshot });
    this.#begin();
  }

  become(state: DiskState): void {
    this.#state = state;
    if (!this.#syncing) this.#begin();
  }

  /** The disk no longer has entries up to here; what is under way lies above. */
  compact(floor: { readonly term: number; readonly index: number }): void {
    this.durable.compact(floor);
    this.issued.compact(floor);
  }

  keep(snapshot: Snapshot): void {
    this.durable.snapshot = snapshot;
    this.issued.snapshot = snapshot;
  }

  /** @returns what the next start finds */
  cutPower(): LogImage {
    this.#powered = false;
    const there = this.#chance.below(this.#underWay.length + 1);
    for (const { write, snapshot } of this.#underWay.slice(0, there))
      this.durable.put(write, snapshot);
    const next = this.#underWay[there];
    if (next !== undefined && next.snapshot === undefined) this.#tear(next.write);
    return this.durable;
  }

  /** In the order of the disk: hard state, what is taken back, then entries one by one. */
  #tear(write: Write): void {
    const parts = this.#chance.below(3 + write.entries.length);
    const torn = {
      ...write,
      hard: parts > 0 ? write.hard : undefined,
      truncate_from: parts > 1 ? write.truncate_from : undefined,
      entries: parts > 1 ? write.entries.slice(0, parts - 2) : [],
    };
    this.durable.put(torn, undefined);
  }

  #begin(): void {
    if (this.#syncing || this.#underWay.length === 0 || this.#state.kind === 'hung') return;
    this.#syncing = true;
    if (this.#state.kind === 'failing') {
      this.#doomed = true;
      this.#scheduler.after(1, () => this.#fail());
      return;
    }
    const { least, most } = this.#state.latency;
    // Mostly a sync covers everything that waits; now and then each write gets its own.
    const covered = this.#chance.happens(0.8)
      ? this.#underWay.length
      : this.#chance.whole(1, this.#underWay.length);
    this.#scheduler.after(this.#chance.between(least, most), () => this.#end(covered));
  }

  #end(covered: number): void {
    if (!this.#powered) return;
    this.#syncing = false;
    const safe = this.#underWay.splice(0, covered);
    for (const { write, snapshot } of safe) this.durable.put(write, snapshot);
    this.#begin();
    this.#answers.persisted(safe.map(({ write }) => write));
  }

  /** From here on nothing reaches the disk any more: `#syncing` stays set. */
  #fail(): void {
    if (this.#powered) this.#answers.failed();
  }
}
