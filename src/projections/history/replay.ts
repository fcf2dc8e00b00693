/**
 * Replay: the state folded again from the log, from nothing or from a snapshot. Recorded outcomes are
 * folded as they are; where none was recorded, or where every decision is to be checked, the rules decide
 * again, under the version in force at each index.
 *
 * ```
 *  sightings ─▶ fold ──┬── checkpoint reached ──▶ roots noted
 *                      ├── decided otherwise ──▶ stops: difference
 *                      └── damage, gap, throw ──▶ stops: broken
 * ```
 */
import { decodeEntry, type Entry, packr } from '../../log/command.ts';
import { NO_MEMBERS } from '../../log/members.ts';
import type { SeenEntry, Sighting } from '../../log/sighting.ts';
import { type AppliedEntry, Machine, type MachineOptions } from '../machine.ts';
import type { Outcome } from '../outcome.ts';
import { cutSnapshot, encodeSnapshot, restoreSnapshot, type SnapshotRoots } from '../snapshot.ts';
import { type AgreedRoot, agreedRoot } from './agreed-root.ts';
import type { Evidence, Progress, SnapshotEvidence } from './evidence.ts';

export interface ReplayOptions {
  /** Where to begin; undefined: before the first entry. */
  readonly start: SnapshotEvidence | undefined;
  /** The last index to fold. */
  readonly until: number;
  /** Decide every entry again and compare with what was recorded. */
  readonly redecide: boolean;
  /** Indices at which roots are to be noted. */
  readonly checkpoints: ReadonlySet<number>;
  readonly progress: Progress;
}

/** Why a replay did not get to its end. */
export type Stop =
  | {
      readonly kind: 'difference';
      readonly index: number;
      readonly entry: Entry;
      readonly recorded: Outcome;
      readonly decided: Outcome;
    }
  | { readonly kind: 'broken'; readonly index: number; readonly problem: string };

export interface Replayed {
  /** The index it began after. */
  readonly after: number;
  /** The index it reached. */
  readonly index: number;
  readonly entries: number;
  /** Entries that were decided, because their outcome was not recorded or because that was asked for. */
  readonly decided: number;
  readonly skipped: number;
  readonly faults: number;
  readonly state: SnapshotRoots;
  readonly checkpoints: ReadonlyMap<number, SnapshotRoots>;
  /** Roots that were agreed on the way, oldest first. */
  readonly agreed: readonly AgreedRoot[];
  readonly stop: Stop | undefined;
}

/** The digest and the root of each projection, as a snapshot taken now would have them. */
export function stateRoots(machine: Machine): SnapshotRoots {
  const nobody = { group: '', incarnation: 0, configuration: NO_MEMBERS };
  const encoding = encodeSnapshot(cutSnapshot(machine), nobody);
  let step = encoding.next();
  while (step.done !== true) step = encoding.next();
  return step.value;
}

/** An audit looks at every entry once, and goes back behind none; only the open entry can be undone. */
export const AUDIT: Pick<MachineOptions, 'undo' | 'keepsPages'> = {
  undo: { entries: 0, bytes: 0 },
  keepsPages: false,
};

/** A machine as a snapshot left it. @throws where the snapshot cannot be used */
async function machineAt(
  { projections }: Evidence,
  snapshot: SnapshotEvidence | undefined,
): Promise<Machine> {
  const machine = new Machine({ projections, ...AUDIT });
  if (snapshot !== undefined) await restoreSnapshot(machine, snapshot.content());
  return machine;
}

export async function replay(evidence: Evidence, options: ReplayOptions): Promise<Replayed> {
  const folding = new Folding(await machineAt(evidence, options.start), options);
  for await (const sightings of evidence.read(folding.index + 1)) {
    for (const sighting of sightings) folding.take(sighting);
    options.progress(folding.index);
    if (!folding.wantsMore) break;
  }
  return folding.finish();
}

class Folding {
  readonly #machine: Machine;
  readonly #options: ReplayOptions;
  readonly #after: number;
  readonly #checkpoints = new Map<number, SnapshotRoots>();
  readonly #agreed: AgreedRoot[] = [];
  #decided = 0;
  #stop: Stop | undefined;

  constructor(machine: Machine, options: ReplayOptions) {
    this.#machine = machine;
    this.#options = options;
    this.#after = machine.position.index;
    this.#noteRoots();
  }

  get index(): number {
    return this.#machine.position.index;
  }

  get wantsMore(): boolean {
    return this.#stop === undefined && this.index < this.#options.until;
  }

  take(sighting: Sighting): void {
    if (!this.wantsMore || isBeside(sighting)) return;
    const broken = this.#brokenBy(sighting);
    if (broken !== undefined) this.#break(broken);
    else this.#fold(sighting as SeenEntry);
  }

  finish(): Replayed {
    const { index, skipped, faults } = this.#machine.position;
    return {
      after: this.#after,
      index,
      entries: index - this.#after,
      decided: this.#decided,
      skipped,
      faults,
      state: stateRoots(this.#machine),
      checkpoints: this.#checkpoints,
      agreed: this.#agreed,
      stop: this.#stop,
    };
  }

  #brokenBy(sighting: Sighting): string | undefined {
    if (sighting.kind === 'damage') return sighting.reason;
    return sighting.index === this.index + 1 ? undefined : `entry ${sighting.index} follows`;
  }

  #break(problem: string): void {
    this.#stop = { kind: 'broken', index: this.index + 1, problem };
  }

  #fold(seen: SeenEntry): void {
    try {
      const applied = this.#settle(decodeEntry(seen.frame), seen.outcome);
      this.#agreed.push(...agreedIn(applied));
    } catch (error) {
      // Rules never throw out of a machine: what was recorded cannot be folded, or needs a newer build.
      this.#break((error as Error).message);
      return;
    }
    this.#noteRoots();
  }

  #noteRoots(): void {
    if (this.#options.checkpoints.has(this.index))
      this.#checkpoints.set(this.index, stateRoots(this.#machine));
  }

  #settle(entry: Entry, recorded: Uint8Array | undefined): AppliedEntry {
    if (recorded !== undefined && !this.#options.redecide)
      return this.#machine.applyRecorded(entry, recorded);
    this.#decided += 1;
    const applied = this.#machine.apply(entry);
    if (recorded !== undefined) this.#compare(applied, recorded);
    return applied;
  }

  #compare({ entry, outcome, outcomeBytes }: AppliedEntry, recorded: Uint8Array): void {
    if (sameBytes(outcomeBytes, recorded)) return;
    this.#stop = {
      kind: 'difference',
      index: entry.index,
      entry,
      recorded: packr.unpack(recorded) as Outcome,
      decided: outcome,
    };
  }
}

/** What a state root that was taken into the log says; one that was refused says nothing. */
function agreedIn({ entry, outcome }: AppliedEntry): readonly AgreedRoot[] {
  if (entry.type !== 'state_root' || outcome.kind !== 'applied') return [];
  return [agreedRoot(entry)];
}

/** Damage beside the entries hides none of them. */
function isBeside(sighting: Sighting): boolean {
  return sighting.kind === 'damage' && sighting.what === 'record';
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
