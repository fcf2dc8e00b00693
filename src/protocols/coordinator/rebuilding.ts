/** Tables made anew from what lies on the disk: a snapshot, and the log above it. */
import { decodeEntry } from '../../log/command.ts';
import { Compacted } from '../../log/fault.ts';
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { splitFrames } from '../../log/split-frames.ts';
import type { Machine } from '../../projections/machine.ts';
import type { FinishedPage } from '../../projections/outcome-chain.ts';
import type { Restoring } from './restoring.ts';

export interface RebuildingOptions {
  readonly log: Log;
  readonly group: GroupId;
  readonly restoring: Restoring;
  /** The one that serves. */
  readonly machine: Machine;
  /** An empty one. */
  readonly fresh: () => Machine;
  readonly storePage: (page: FinishedPage) => void;
  readonly breathe: () => Promise<void>;
}

/** Decided at once beside what serves: a few milliseconds. */
const BESIDE_BYTES = 64 * 1024;
/** While nothing is applied. */
const PAUSED_BYTES = 256 * 1024;

/** What is decided again: all above `from`, where a snapshot is or the log begins, up to `to`. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

interface Deciding {
  readonly to: number;
  /** Of a chunk. */
  readonly bytes: number;
  readonly onPage: (page: FinishedPage) => void;
  /** Rests. @returns whether to go on */
  readonly rest: () => Promise<boolean>;
}

export class Rebuilding {
  readonly #options: RebuildingOptions;

  constructor(options: RebuildingOptions) {
    this.#options = options;
  }

  /**
   * Decides again what lies at `below` or above; while this goes on nothing may be applied. Outcome pages that
   * come of it take the place of those that were recorded.
   * @throws Compacted where neither a snapshot nor the log reaches so far back
   */
  async rebuild(below: number): Promise<void> {
    const { machine: ours, restoring, fresh, storePage } = this.#options;
    const machine = await restoring.below(below, fresh);
    await this.#decide(machine, { ...this.#unhurried(ours), onPage: storePage });
    ours.adopt(machine);
  }

  /**
   * A machine beside ours that decided everything again, and records nothing.
   * @param rest asked after every chunk: whether it is still wanted
   * @returns undefined where it is not, where the snapshot is damaged, or the log was trimmed meanwhile
   */
  async decidedAgain(
    { from, to }: Stretch,
    rest: () => Promise<boolean>,
  ): Promise<Machine | undefined> {
    const { restoring, fresh } = this.#options;
    const machine = await restoring.at(from, fresh);
    if (machine === undefined) return undefined;
    await this.#decide(machine, { to, bytes: BESIDE_BYTES, onPage: () => undefined, rest }).catch(
      passCompacted,
    );
    return machine.position.index === to ? machine : undefined;
  }

  /**
   * Takes it for ours, once it has decided the rest; while this goes on nothing may be applied.
   * @returns false where it decided otherwise than we did: then pages are wrong, too, and a rebuild has to record them
   * @throws Compacted
   */
  async replace(machine: Machine): Promise<boolean> {
    const { machine: ours } = this.#options;
    await this.#decide(machine, { ...this.#unhurried(ours), onPage: () => undefined });
    if (machine.digest() !== ours.digest()) return false;
    ours.adopt(machine);
    return true;
  }

  /** Up to where ours is, as fast as it goes. */
  #unhurried({ position }: Machine) {
    const { breathe } = this.#options;
    const rest = (): Promise<boolean> => breathe().then(() => true);
    return { to: position.index, bytes: PAUSED_BYTES, rest };
  }

  async #decide(machine: Machine, { to, bytes, onPage, rest }: Deciding): Promise<void> {
    const { log, group } = this.#options;
    // What is applied may be on its way to the disk, and only there it can be read.
    await log.flush();
    for await (const { frames } of log.read(group, machine.position.index + 1, { to, bytes })) {
      for (const page of pagesOf(machine, frames)) onPage(page);
      if (!(await rest())) return;
    }
  }
}

/** The outcome pages that were finished by applying these. */
function pagesOf(machine: Machine, frames: Buffer): readonly FinishedPage[] {
  const applied = splitFrames(frames).map((frame) => machine.apply(decodeEntry(frame)));
  return applied.flatMap(({ page }) => page ?? []);
}

function passCompacted(error: unknown): void {
  if (!(error instanceof Compacted)) throw error;
}
